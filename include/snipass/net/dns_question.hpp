// SPDX-License-Identifier: BSL-1.0
// dns_question: one name that a stranger chose, asked for on the loop.
#pragma once

#include "snipass/base/ip_address.hpp"
#include "snipass/base/result.hpp"
#include "snipass/net/event_loop.hpp"

#include <climits>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace snipass::net {

// dns_question asks the servers of /etc/resolv.conf for the A and AAAA records of a name, and nobody else:
// what /etc/hosts, nsswitch.conf(5) and search lists say is for names that the admin wrote. Destroying it
// cancels it.
//
// Each question reads resolv.conf anew and has sockets of its own, so a changed file counts at once, and
// nobody can guess the port that the next answer is to come to. A silent server is asked again after a
// second. An answer has at most what one datagram holds, because sorting out more would hold up the whole
// thread.
class dns_question final : private alarm {
  public:
    // Never empty, and in the order in which they are to be tried (usable, ipv6_comes_first). Errors: what
    // the resolver says, in c-ares's words.
    using answer = result<std::vector<ip_address>>;

    // `answered` is told once, in a later turn of the loop, and may destroy the question. servers:
    // "127.0.0.1:5353" and the like, in place of resolv.conf's. below: its sockets have lower numbers; where
    // there is none left the error is EMFILE.
    dns_question(event_loop& loop, const std::string& name, std::function<void(answer)> answered,
                 const std::string& servers = {}, int below = INT_MAX);
    ~dns_question();

  private:
    class channel; // c-ares's, and its sockets

    void expire() override;
    void wait();

    event_loop& loop_;
    std::function<void(answer)> answered_;
    int below_;
    std::optional<answer> answer_; // until it is told
    std::unique_ptr<channel> channel_;
};

} // namespace snipass::net
