// SPDX-License-Identifier: BSL-1.0
#include "tls_end.hpp"

#include "snipass/session/hearing.hpp"

#include <ctime>
#include <stdexcept>
#include <utility>

namespace snipass::testing {
namespace {

struct story {
    std::string name;
    std::vector<std::string> alpn;
    std::string backend;
    std::optional<config::client_certificates> clients;
    config::plaintext_kind plaintext;
    bool is_given_back;
    std::promise<server::outcome> failed;
    std::promise<os::unique_fd> far;
    std::promise<net::relay_result> result;
    std::promise<std::string> detail;
};

net::task<> serve(server::context& thread, terminate::service& service, os::unique_fd fd,
                  std::unique_ptr<story> told) {
    server::unrouted_client client{thread, server::client_socket{std::move(fd)}, {}};
    client.about.client = os::peer_endpoint(client.socket.get()).value();
    client.about.local = os::local_endpoint(client.socket.get()).value();
    client.about.hello.emplace(std::optional<std::string_view>{told->name}, alpn_list{});
    config::backend_settings to;
    to.name = told->backend;
    to.termination = config::termination_settings{told->alpn, told->plaintext, told->clients, {}};
    auto made = co_await service.terminate(client, to);
    if (const auto* const how = std::get_if<server::outcome>(&made)) {
        told->detail.set_value(client.about.detail);
        told->failed.set_value(*how);
        told->far.set_value({});
        co_return;
    }
    auto clear = std::move(std::get<std::unique_ptr<server::in_clear>>(made));
    auto end = clear->take_socket();
    if (told->is_given_back) {
        co_await clear->give_back(std::move(end), {});
    } else if (const auto* const own = clear->own()) {
        constexpr std::uint64_t somebody = 1;
        server::clear_pair pair{*own};
        end = pair.renew(client.about, somebody).value();
        clear->begin(pair.take(), {});
    }
    told->far.set_value(end.release());
    const auto result = co_await clear->ended();
    const auto& notes = *client.about.in_clear;
    told->detail.set_value(notes.version + " " + notes.protocol +
                           (notes.client_name ? " " + *notes.client_name : ""));
    told->result.set_value(result.value_or(net::relay_result{}));
}

} // namespace

tls_end::tls_end(std::vector<wish> wishes, config::tls_settings settings, std::optional<asked_for> clients) {
    const certificate_folder here;
    for (std::size_t i = 0; i < wishes.size(); ++i)
        settings.certificates.push_back({here.add(std::to_string(i), issue(wishes[i])), {}, {}});
    auto read = certificates::load(settings.certificates, std::time(nullptr));
    constexpr bool may_offload = true;
    terminate::contexts known{std::move(read.certificates), settings, keys_, may_offload, read.diagnostics};
    terminate::backend_contexts towards_backends{{}, read.diagnostics};
    for (const auto& one : read.diagnostics)
        throw std::runtime_error{one.message};
    certificates::authority_files files;
    if (clients) {
        clients_ = {"/clients.pem", clients->is_required, {}};
        files[clients_->authorities].emplace_back(X509_dup(clients->issuer.leaf.get()));
    }
    service_ = std::make_unique<terminate::service>(std::move(known), std::move(towards_backends),
                                                    terminate::trust{files}, settings);
    thread_ = std::make_unique<server::context>(book_, log_);
    thread_->handshakes.set_limits(settings.max_handshakes, settings.max_handshakes);
    thread_->in_clear.set_limits(1'000, 1'000);
    runs_ = std::jthread{[this] { thread_->loop.run(); }};
}

tls_end::~tls_end() {
    thread_->loop.stop();
    runs_.join();
    thread_->loop.destroy_tasks();
}

ended_client tls_end::take(os::unique_fd client, const std::string& name, std::vector<std::string> alpn,
                           std::string backend) {
    auto told = std::make_shared<std::unique_ptr<story>>(std::make_unique<story>());
    auto& one = **told;
    one.name = name;
    one.alpn = std::move(alpn);
    one.backend = std::move(backend);
    one.clients = clients_;
    one.plaintext = plaintext;
    one.is_given_back = gives_back;
    ended_client made{one.failed.get_future(), one.far.get_future(), one.result.get_future(),
                      one.detail.get_future()};
    auto fd = std::make_shared<os::unique_fd>(std::move(client));
    thread_->loop.post([this, told, fd] {
        thread_->loop.spawn(serve(*thread_, *service_, std::move(*fd), std::move(*told)));
    });
    return made;
}

tls_client tls_end::connect(ended_client& server, tls_wish what, std::string backend) {
    tcp_connection pair;
    server = take(std::move(pair.accepted), what.name, {"h2", "http/1.1"}, std::move(backend));
    return tls_client{pair.client.take(), std::move(what)};
}

} // namespace snipass::testing
