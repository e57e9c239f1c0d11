// SPDX-License-Identifier: BSL-1.0
/* Why there is no inner hello, in words. */
#include "snipass/handoff/ech_hello.h"

const char* ech_hello_status_text(enum ech_hello_status status) {
    switch (status) {
    case ech_hello_rebuilt:
        return "the inner hello is there";
    case ech_hello_outer_malformed:
        return "the outer message is no ClientHello (RFC 8446 section 4.1.2)";
    case ech_hello_truncated:
        return "a field reaches beyond the encoded inner hello (RFC 9849 section 5.1)";
    case ech_hello_has_session_id:
        return "the encoded inner hello has a session ID (RFC 9849 section 5.1)";
    case ech_hello_padding_not_zero:
        return "the padding of the encoded inner hello is not zero (RFC 9849 section 5.1)";
    case ech_hello_references_list:
        return "ech_outer_extensions is empty, odd or does not fill its extension (RFC 9849 section 5.1)";
    case ech_hello_references_twice:
        return "ech_outer_extensions comes twice (RFC 9849 section 5.1)";
    case ech_hello_references_ech:
        return "ech_outer_extensions refers to encrypted_client_hello or to itself (RFC 9849 section 5.1)";
    case ech_hello_reference_missing:
        return "ech_outer_extensions refers to what the outer hello lacks, or not in its order "
               "(RFC 9849 section 5.1)";
    case ech_hello_outer_has_references:
        return "ech_outer_extensions in the outer hello (RFC 9849 section 5.1)";
    case ech_hello_not_inner:
        return "the inner hello has no encrypted_client_hello of type inner (RFC 9849 section 7.1)";
    case ech_hello_old_version:
        return "the inner hello offers TLS 1.2 or older (RFC 9849 section 7.1)";
    case ech_hello_too_large:
        return "the inner hello is over 64 KiB";
    }
    return "an unknown status";
}
