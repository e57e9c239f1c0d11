// SPDX-License-Identifier: BSL-1.0
/* Why a handoff is refused: one reason for each rule of docs/handoff.md. */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

enum handoff_fault {
    handoff_sound, /* nothing is wrong */
    handoff_bad_sender,
    handoff_bad_count,
    handoff_lost_descriptor,
    handoff_cut_datagram,
    handoff_bad_signature,
    handoff_bad_version,
    handoff_bad_command,
    handoff_bad_family,
    handoff_too_long,
    handoff_cut_header,
    handoff_bytes_behind,
    handoff_bad_addresses,
    handoff_bad_tlv,
    handoff_repeated_tlv,
    handoff_bad_authority,
    handoff_bad_alpn,
    handoff_bad_id,
    handoff_bad_plaintext,
    handoff_bad_ssl,
    handoff_bad_farewell,
    handoff_not_tcp,
    handoff_listens,
    handoff_no_pair,
    handoff_no_keys,
    handoff_in_clear,
    handoff_bad_ech,
    handoff_has_ech,
    handoff_bad_scgi,
};

/* handoff_explain says it in words, for a log. */
const char* handoff_explain(enum handoff_fault fault);

#ifdef __cplusplus
}
#endif
