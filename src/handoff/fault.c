// SPDX-License-Identifier: BSL-1.0
/* See fault.h. */
#include "snipass/handoff/fault.h"

const char* handoff_explain(enum handoff_fault fault) {
    switch (fault) {
    case handoff_sound:
        return "nothing is wrong with it";
    case handoff_bad_sender:
        return "its sender may not hand over clients";
    case handoff_bad_count:
        return "not exactly one descriptor came with its first byte";
    case handoff_lost_descriptor:
        return "its descriptor was lost on the way, though there is room (a security module may refuse it)";
    case handoff_cut_datagram:
        return "its datagram is longer than 512 KiB";
    case handoff_bad_signature:
        return "it does not begin with the signature of a PROXY protocol header of version 2";
    case handoff_bad_version:
        return "its PROXY protocol header is not of version 2";
    case handoff_bad_command:
        return "its header's command is neither PROXY nor LOCAL";
    case handoff_bad_family:
        return "its header's address family is none that the PROXY protocol has";
    case handoff_too_long:
        return "its header is longer than 1,024 bytes (16,384 where clients with ECH state are taken)";
    case handoff_cut_header:
        return "its header ends too early";
    case handoff_bytes_behind:
        return "something comes behind its header";
    case handoff_bad_addresses:
        return "its header's length has no room for its addresses";
    case handoff_bad_tlv:
        return "one of its header's TLVs reaches over the end";
    case handoff_repeated_tlv:
        return "one of its header's TLVs comes twice";
    case handoff_bad_authority:
        return "its header's AUTHORITY is empty, or longer than 255 bytes";
    case handoff_bad_alpn:
        return "its header's ALPN is empty, or longer than 255 bytes";
    case handoff_bad_id:
        return "its header's UNIQUE_ID is longer than 128 bytes";
    case handoff_bad_plaintext:
        return "its header says of its socket what this version does not know (TLV 0xE2)";
    case handoff_bad_ssl:
        return "its header's SSL breaks its definition";
    case handoff_bad_farewell:
        return "its header names no path for a farewell (TLV 0xE3)";
    case handoff_not_tcp:
        return "its descriptor is no TCP socket";
    case handoff_in_clear:
        return "its client's TLS has ended already, and such clients are not taken here";
    case handoff_no_pair:
        return "its descriptor is no end of a socket pair, as its header says";
    case handoff_no_keys:
        return "the kernel has no TLS keys of its client, as its header says";
    case handoff_bad_ech:
        return "its header's ECH state cannot be read";
    case handoff_has_ech:
        return "its ClientHello has been decrypted by the router, and this receiver takes none of those";
    case handoff_bad_scgi:
        return "its message is no netstring of SCGI's variables";
    case handoff_listens:
        return "its descriptor is a listening socket";
    }
    return "it breaks a rule";
}
