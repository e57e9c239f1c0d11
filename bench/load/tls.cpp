// SPDX-License-Identifier: BSL-1.0
// The load generator for what ends TLS: clients that do a handshake, ask, and read to the end.
//
//     bench_tls_load --port P --ms 1000 [--concurrency 16] [--resume]      short connections, closed loop
//     bench_tls_load --port P --direction down --bytes 134217728 [--concurrency 4]      one large transfer
//     each
//
// Threads that block: what it costs is no part of any figure.
#include <snipass/os/unique_fd.hpp>

#include <CLI/CLI.hpp>
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;
using ssl_context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using ssl_connection = std::unique_ptr<SSL, decltype(&SSL_free)>;
using ssl_session = std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)>;

constexpr const char* host_name = "www.example.com"; // routes.py
constexpr std::string_view request = "GET /answer HTTP/1.0\r\n\r\n";
constexpr std::string_view expected_answer = "snipass bench ok"; // floor.h
constexpr std::size_t chunk_size = 1 << 18;

struct wish {
    std::uint16_t port = 0;
    unsigned concurrency = 16;
    unsigned milliseconds = 1'000;
    bool resume = false;
    std::string direction; // empty: short connections
    std::uint64_t bytes = 0;
};

[[noreturn]] void fail(const std::string& what) {
    char reason[256] = "";
    ERR_error_string_n(ERR_peek_last_error(), reason, sizeof reason);
    throw std::runtime_error(what + ": " + reason);
}

snipass::os::unique_fd connect_to(std::uint16_t port) {
    snipass::os::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const int on = 1;
    const timeval patience{30, 0};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!fd || ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error("no connection");
    return fd;
}

// One connection, from the handshake to the end of what the other side says.
class client {
  public:
    client(SSL_CTX* context, const wish& what, SSL_SESSION* session)
        : fd_(connect_to(what.port)), tls_(SSL_new(context), SSL_free) {
        SSL_set_fd(tls_.get(), fd_.get());
        SSL_set_tlsext_host_name(tls_.get(), host_name);
        if (session != nullptr)
            SSL_set_session(tls_.get(), session);
        if (SSL_connect(tls_.get()) != 1)
            fail("handshake");
    }

    // A session that ends without close_notify is none to come back to, as OpenSSL sees it.
    ~client() { SSL_shutdown(tls_.get()); }
    client(const client&) = delete;
    client& operator=(const client&) = delete;

    bool is_resumed() { return SSL_session_reused(tls_.get()) == 1; }

    void send(std::string_view bytes) {
        if (SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size())) !=
            static_cast<int>(bytes.size()))
            fail("write");
    }

    // Takes what comes, up to the end; the first bytes are kept. Returns how many there were.
    std::uint64_t read_all(std::string& first) {
        std::vector<char> room(chunk_size);
        std::uint64_t count = 0;
        for (;;) {
            const int n = SSL_read(tls_.get(), room.data(), static_cast<int>(room.size()));
            if (n <= 0 && SSL_get_error(tls_.get(), n) == SSL_ERROR_ZERO_RETURN)
                return count;
            if (n <= 0)
                fail("read");
            if (first.size() < expected_answer.size())
                first.append(room.data(), std::min(static_cast<std::size_t>(n), expected_answer.size()));
            count += static_cast<std::uint64_t>(n);
        }
    }

    void ask() {
        send(request);
        std::string first;
        if (read_all(first) != expected_answer.size() || first != expected_answer)
            throw std::runtime_error("no answer");
    }

    ssl_session session() { return {SSL_get1_session(tls_.get()), SSL_SESSION_free}; }

  private:
    snipass::os::unique_fd fd_;
    ssl_connection tls_;
};

struct counts {
    std::atomic<std::uint64_t> completed = 0;
    std::atomic<std::uint64_t> resumed = 0;
};

void short_connections(SSL_CTX* context, const wish& what, clock_type::time_point end, counts& all) {
    ssl_session session{nullptr, SSL_SESSION_free};
    if (what.resume) {
        client first{context, what, nullptr};
        first.ask();
        session = first.session();
    }
    while (clock_type::now() < end) {
        client one{context, what, session.get()};
        one.ask();
        ++all.completed;
        all.resumed += one.is_resumed();
        if (what.resume)
            session = one.session();
    }
}

void transfer(SSL_CTX* context, const wish& what) {
    client one{context, what, nullptr};
    std::string first;
    if (what.direction == "down") {
        one.send(request);
        if (one.read_all(first) != what.bytes)
            throw std::runtime_error("the stream ended early");
        return;
    }
    const std::string chunk(chunk_size, 'x');
    for (auto left = what.bytes; left > 0;) {
        const auto size = std::min<std::uint64_t>(left, chunk.size());
        one.send(std::string_view{chunk}.substr(0, size));
        left -= size;
    }
    if (one.read_all(first) != expected_answer.size() || first != expected_answer)
        throw std::runtime_error("no answer after the last byte");
}

int run(int argc, char** argv) {
    CLI::App app{"bench_tls_load: the TLS clients of the benchmark"};
    wish what;
    app.add_option("--port", what.port)->required();
    app.add_option("--concurrency", what.concurrency);
    app.add_option("--ms", what.milliseconds);
    app.add_flag("--resume", what.resume);
    app.add_option("--direction", what.direction)->check(CLI::IsMember({"up", "down"}));
    app.add_option("--bytes", what.bytes, "on each connection");
    CLI11_PARSE(app, argc, argv);

    std::signal(SIGPIPE, SIG_IGN);
    const ssl_context context{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
    SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF); // not everybody says close_notify
    counts all;
    std::mutex lock;
    std::string problem;
    std::vector<std::thread> threads;
    const auto begin = clock_type::now();
    for (unsigned i = 0; i < what.concurrency; ++i)
        threads.emplace_back([&] {
            try {
                if (!what.direction.empty())
                    transfer(context.get(), what);
                else
                    short_connections(context.get(), what,
                                      begin + std::chrono::milliseconds{what.milliseconds}, all);
            } catch (const std::exception& error) {
                const std::lock_guard locked{lock};
                problem = error.what();
            }
        });
    for (auto& one : threads)
        one.join();
    if (!problem.empty())
        throw std::runtime_error(problem);
    const std::chrono::duration<double> took = clock_type::now() - begin;
    std::printf(R"({"completed":%llu,"resumed":%llu,"bytes":%llu,"seconds":%.6f})"
                "\n",
                static_cast<unsigned long long>(all.completed.load()),
                static_cast<unsigned long long>(all.resumed.load()),
                static_cast<unsigned long long>(what.bytes * what.concurrency), took.count());
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_tls_load: %s\n", error.what());
        return 1;
    }
}
