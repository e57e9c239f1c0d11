// SPDX-License-Identifier: BSL-1.0
// The input is what a sender writes on a handoff's connection, of `scgi` if a digit comes first and else of
// `stream`; the byte before says where it is cut in two. A TCP socket travels with the first piece. Whatever
// comes, the receiver takes it or drops it, and says the same of it whole and cut.
#include "fuzz_target.hpp"

#include "snipass/handoff/receiving.h"
#include "snipass/handoff/scgi.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

using namespace snipass;
using namespace snipass::fuzz;

namespace {

void send_piece(int fd, byte_view bytes, int client) {
    if (bytes.empty())
        return;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    iovec part{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (client >= 0) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        auto* rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof client);
        std::memcpy(CMSG_DATA(rights), &client, sizeof client);
    }
    (void)sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool is_scgi(byte_view bytes) {
    return bytes[0] >= '0' && bytes[0] <= '9';
}

struct verdict {
    handoff_progress progress;
    bool parsed;
    handoff_metadata metadata;
    std::string variables; // of `scgi`
};

// walk goes through the variables of a complete message.
std::string walk(const handoff_scgi& message) {
    std::string walked;
    for (const char* name = nullptr; (name = handoff_scgi_next(&message, name)) != nullptr;) {
        const char* value = handoff_scgi_value(name);
        require(name >= message.text && value + std::strlen(value) < message.text + message.room,
                "a variable lies inside the message");
        require(*name != '\0', "a variable has a name");
        walked += std::string{name} + '\0' + value + '\0';
    }
    require(walked == std::string(message.text + message.at, message.size), "they are all there is");
    return walked;
}

// receive sends bytes in two pieces and reads after each, and once more after the end.
verdict receive(byte_view bytes, std::size_t cut, int client) {
    int pair[2];
    require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "there is a socket pair");
    handoff handoff;
    handoff_init(&handoff);
    handoff_scgi message;
    handoff_scgi_init(&message);
    verdict result{handoff_wants_more, false, {}, {}};
    const bool by_scgi = is_scgi(bytes);
    const auto read = [&] {
        return by_scgi ? handoff_read_scgi(&handoff_libc, &handoff, &message, &result.metadata, pair[1])
                       : handoff_read(&handoff_libc, &handoff, pair[1]);
    };
    for (const auto piece : {bytes.first(cut), bytes.subspan(cut)}) {
        if (result.progress != handoff_wants_more)
            break;
        send_piece(pair[0], piece, piece.data() == bytes.data() ? client : -1);
        result.progress = read();
    }
    shutdown(pair[0], SHUT_WR);
    if (result.progress == handoff_wants_more)
        result.progress = read();
    require(result.progress != handoff_wants_more, "an end is an end");
    require((handoff.client >= 0) == (result.progress == handoff_complete),
            "what is not complete is dropped");
    if (result.progress == handoff_complete && by_scgi) {
        result.variables = walk(message);
        result.parsed = true;
    } else if (result.progress == handoff_complete) {
        require(handoff.received <= std::min(bytes.size(), sizeof handoff.bytes), "it is in the input");
        require(std::memcmp(handoff.bytes, bytes.data(), handoff.received) == 0, "it is the input's start");
        require(handoff.fault == handoff_sound, "nothing is wrong with it so far");
        result.parsed = handoff_parse(&handoff_libc, &handoff, &result.metadata);
    }
    require(result.parsed == (result.progress == handoff_complete && handoff.fault == handoff_sound),
            "what is refused has a reason");
    handoff_drop(&handoff_libc, &handoff);
    handoff_scgi_free(&message);
    close(pair[0]);
    close(pair[1]);
    return result;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2)
        return 0;
    static const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const byte_view bytes{data + 1, size - 1};
    const auto whole = receive(bytes, bytes.size(), client);
    require(whole.progress == handoff_complete || whole.progress == handoff_refused, "all or nothing");
    const auto& metadata = whole.metadata;
    require(is_scgi(bytes) || metadata.peer.ss_family == metadata.local.ss_family, "both addresses, or none");
    require(std::memchr(metadata.host_name, 0, sizeof metadata.host_name) != nullptr, "a host name ends");
    require(metadata.alpn_size <= sizeof metadata.alpn, "an ALPN fits");

    // Cut inside the header; behind it a second piece is not looked at any more.
    const auto cut = receive(bytes, std::min<std::size_t>(data[0], bytes.size() - 1), client);
    if (cut.progress == whole.progress)
        require(cut.parsed == whole.parsed && cut.variables == whole.variables &&
                    (!whole.parsed || std::memcmp(&cut.metadata, &metadata, sizeof metadata) == 0),
                "cut or whole, it means the same");
    else
        require(whole.progress == handoff_refused, "what is complete stays complete when it comes in pieces");
    return 0;
}
