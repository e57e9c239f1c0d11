// SPDX-License-Identifier: BSL-1.0
// Which addresses are this machine's, and which of them it would use.
#include "snipass/os/local_address.hpp"

#include "snipass/os/error.hpp"
#include "snipass/os/tcp.hpp"
#include "snipass/os/unique_fd.hpp"

#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>

namespace snipass::os {
namespace {

struct question {
    nlmsghdr header;
    rtmsg route;
    rtattr destination;
    std::array<std::uint8_t, 16> address;
};

question ask_for(const ip_address& address) {
    question ask{};
    const std::size_t size = address.is_v4() ? 4 : 16;
    ask.header.nlmsg_len = static_cast<std::uint32_t>(offsetof(question, address) + size);
    ask.header.nlmsg_type = RTM_GETROUTE;
    ask.header.nlmsg_flags = NLM_F_REQUEST;
    ask.route.rtm_family = address.is_v4() ? AF_INET : AF_INET6;
    ask.route.rtm_dst_len = static_cast<unsigned char>(8 * size);
    ask.destination.rta_type = RTA_DST;
    ask.destination.rta_len = static_cast<unsigned short>(RTA_LENGTH(size));
    std::copy_n(address.bytes().end() - static_cast<std::ptrdiff_t>(size), size, ask.address.begin());
    return ask;
}

// judge reads a refusal: there is no route, so it is nobody's, or the kernel had no memory to look.
result<whereabouts> judge(const nlmsgerr& refusal) {
    const auto why = make_error(-refusal.error);
    if (is_transient(why))
        return why;
    return whereabouts::elsewhere;
}

} // namespace

result<whereabouts> where_is(const ip_address& address) {
    const unique_fd fd{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)};
    if (!fd)
        return last_error();
    const auto ask = ask_for(address);
    if (::send(fd.get(), &ask, ask.header.nlmsg_len, 0) < 0)
        return last_error();
    alignas(nlmsghdr) std::array<char, 4'096> reply{}; // it is there once send() has returned
    const auto n = ::recv(fd.get(), reply.data(), reply.size(), MSG_DONTWAIT);
    if (n < 0)
        return last_error();
    nlmsghdr header{};
    if (static_cast<std::size_t>(n) < NLMSG_LENGTH(sizeof(rtmsg)))
        return make_error(EBADMSG);
    std::memcpy(&header, reply.data(), sizeof header);
    if (header.nlmsg_type == NLMSG_ERROR) {
        nlmsgerr refusal{}; // no shorter than a route
        std::memcpy(&refusal, reply.data() + NLMSG_HDRLEN, sizeof refusal);
        return judge(refusal);
    }
    rtmsg route{};
    std::memcpy(&route, reply.data() + NLMSG_HDRLEN, sizeof route);
    const bool here = route.rtm_type == RTN_LOCAL || route.rtm_type == RTN_BROADCAST;
    return here ? whereabouts::here : whereabouts::elsewhere;
}

bool ipv6_is_off() {
    std::ifstream file{"/proc/sys/net/ipv6/conf/all/disable_ipv6"};
    return file.get() == '1';
}

std::string interface_with(const ip_address& address) {
    ifaddrs* all = nullptr;
    if (::getifaddrs(&all) != 0)
        return {};
    std::string found;
    for (const auto* one = all; one != nullptr && found.empty(); one = one->ifa_next) {
        const int family = one->ifa_addr == nullptr ? AF_UNSPEC : one->ifa_addr->sa_family;
        sockaddr_storage storage{};
        if (family == AF_INET)
            std::memcpy(&storage, one->ifa_addr, sizeof(sockaddr_in));
        else if (family == AF_INET6)
            std::memcpy(&storage, one->ifa_addr, sizeof(sockaddr_in6));
        if (const auto has = to_endpoint(storage); has && has->address == address)
            found = one->ifa_name;
    }
    ::freeifaddrs(all);
    return found;
}

result<ip_address> source_towards(const ip_address& address) {
    const unique_fd fd{::socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (!fd)
        return last_error();
    sockaddr_storage storage;
    const auto size = to_sockaddr({address, 443}, storage);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) !=
        0) // of UDP: it only chooses
        return last_error();
    const auto own = local_endpoint(fd.get());
    if (!own)
        return own.error();
    return own->address;
}

} // namespace snipass::os
