// SPDX-License-Identifier: BSL-1.0
/* What went wrong with a second hello, in words and as an alert. */
#include "snipass/handoff/ech_filter.h"

enum {
    unexpected_message = 10,
    illegal_parameter = 47,
    decode_error = 50,
    decrypt_error = 51,
    internal_error = 80,
    missing_extension = 109,
};

unsigned char ech_filter_alert(enum ech_filter_status status) {
    switch (status) {
    case ech_filter_fine:
    case ech_filter_bad_state:
    case ech_filter_no_memory:
        break;
    case ech_filter_bad_record:
    case ech_filter_early_hello:
    case ech_filter_interleaved:
    case ech_filter_not_hello:
    case ech_filter_bytes_behind:
        return unexpected_message;
    case ech_filter_too_large:
    case ech_filter_malformed:
        return decode_error;
    case ech_filter_missing:
        return missing_extension;
    case ech_filter_other_config:
    case ech_filter_has_enc:
    case ech_filter_not_rebuilt:
        return illegal_parameter;
    case ech_filter_not_opened:
        return decrypt_error;
    }
    return internal_error;
}

const char* ech_filter_text(enum ech_filter_status status) {
    switch (status) {
    case ech_filter_fine:
        return "nothing is wrong with it";
    case ech_filter_bad_state:
        return "the ECH state that came with the client cannot be read";
    case ech_filter_no_memory:
        return "there is no memory for its hello";
    case ech_filter_bad_record:
        return "what follows the hello is no record of TLS (RFC 8446 section 5.1)";
    case ech_filter_early_hello:
        return "a second hello, and the server has asked for none (RFC 8446 section 4.1.2)";
    case ech_filter_interleaved:
        return "a record of another type amid the second hello (RFC 8446 section 5.1)";
    case ech_filter_not_hello:
        return "another message in the place of the second hello (RFC 8446 section 4.1.4)";
    case ech_filter_too_large:
        return "the second hello is empty, or over 64 KiB";
    case ech_filter_bytes_behind:
        return "something follows the second hello in its record (RFC 8446 section 5.1)";
    case ech_filter_malformed:
        return "encrypted_client_hello of the second hello cannot be read (RFC 9849 section 5)";
    case ech_filter_missing:
        return "the second hello has no encrypted_client_hello (RFC 9849 section 7.1.1)";
    case ech_filter_other_config:
        return "the second hello has another config_id or suite than the first (RFC 9849 section 7.1.1)";
    case ech_filter_has_enc:
        return "the second hello has a key of its own (RFC 9849 section 7.1.1)";
    case ech_filter_not_opened:
        return "the second hello is not authentic (RFC 9849 section 7.1.1)";
    case ech_filter_not_rebuilt:
        return "what is encrypted in the second hello makes no hello (RFC 9849 section 5.1)";
    }
    return "an unknown status";
}
