// SPDX-License-Identifier: BSL-1.0
// A DNS server (RFC 1035) for tests.
#include "dns_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace snipass::testing {
namespace {

constexpr std::size_t header_size = 12;
constexpr char type_a = 1;
constexpr char type_aaaa = 28;

// name_at reads a question's name and moves `at` behind it.
std::string name_at(const std::string& question, std::size_t& at) {
    std::string name;
    for (auto size = static_cast<unsigned char>(question[at++]); size != 0;
         size = static_cast<unsigned char>(question[at++])) {
        name += (name.empty() ? "" : ".") + question.substr(at, size);
        at += size;
    }
    return name;
}

std::string record(char type, const std::string& address) {
    const bool v6 = type == type_aaaa;
    std::array<char, 16> bytes{};
    if (::inet_pton(v6 ? AF_INET6 : AF_INET, address.c_str(), bytes.data()) != 1)
        return {};
    const char size = v6 ? 16 : 4;
    const std::string head{'\xc0', '\x0c', 0, type, 0, 1, 0, 0, 0, 60, 0, size}; // the name is the question's
    return head + std::string{bytes.data(), static_cast<std::size_t>(size)};
}

} // namespace

dns_server::dns_server() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::system_error{errno, std::generic_category(), "bind"};
}

std::string dns_server::address() const {
    sockaddr_in own{};
    socklen_t size = sizeof own;
    if (::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&own), &size) != 0)
        throw std::system_error{errno, std::generic_category(), "getsockname"};
    return "127.0.0.1:" + std::to_string(ntohs(own.sin_port));
}

void dns_server::serve() {
    std::array<char, 2'048> buffer{};
    for (;;) {
        sockaddr_in client{};
        socklen_t size = sizeof client;
        const auto n = ::recvfrom(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT,
                                  reinterpret_cast<sockaddr*>(&client), &size);
        if (n < static_cast<ssize_t>(header_size))
            break;
        ++ports_[client.sin_port];
        open_.push_back({{buffer.data(), static_cast<std::size_t>(n)},
                         {reinterpret_cast<const char*>(&client), sizeof client}});
        auto at = header_size;
        asked_.push_back(name_at(open_.back().bytes, at));
    }
    std::erase_if(open_, [this](const question& one) { return answer(one); });
}

void dns_server::lose() {
    serve();
    open_.clear();
}

bool dns_server::answer(const question& one) {
    auto at = header_size;
    const auto found = replies.find(name_at(one.bytes, at));
    if (found == replies.end())
        return false;
    const auto& as = found->second;
    const char type = one.bytes[at + 1];
    std::string records;
    int count = 0;
    for (const auto& address : as.addresses) {
        const bool v6 = address.find(':') != std::string::npos;
        if (type == (v6 ? type_aaaa : type_a)) {
            records += record(type, address);
            ++count;
        }
    }
    std::string whole = one.bytes.substr(0, 2);
    whole += static_cast<char>(as.is_truncated ? 0x83 : 0x81); // a response, recursion desired
    whole += static_cast<char>(0x80 | as.code);                // and available
    whole += {0, 1, static_cast<char>(count >> 8), static_cast<char>(count), 0, 0, 0, 0};
    whole += one.bytes.substr(header_size, at + 4 - header_size);
    whole += records;
    (void)::sendto(fd_.get(), whole.data(), whole.size(), 0,
                   reinterpret_cast<const sockaddr*>(one.client.data()), sizeof(sockaddr_in));
    return true;
}

} // namespace snipass::testing
