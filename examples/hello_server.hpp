// SPDX-License-Identifier: BSL-1.0
// The part of the two example backends that has nothing to do with handoffs: a tiny HTTPS server for one
// client. It answers GET with what this process knows of the client, and streams lines back after GET /echo.
#pragma once

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

namespace hello {

// ALPN, server side: http/1.1 if the client offers it, no ALPN otherwise.
inline int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                       unsigned offered_size, void*) {
    static constexpr unsigned char ours[] = "\x08http/1.1";
    auto* chosen = const_cast<unsigned char**>(out); // OpenSSL's function predates const
    auto found = SSL_select_next_proto(chosen, out_size, ours, sizeof ours - 1, offered, offered_size);
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

inline SSL_CTX* make_context(const char* certificate_file, const char* key_file) {
    auto* context = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(context, certificate_file) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1)
        throw std::runtime_error("certificate or key cannot be used");
    SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>("hello"), 5);
    SSL_CTX_set_alpn_select_cb(context, choose_alpn, nullptr);
    return context;
}

// client_address is what getpeername(2) says: the client's own address, though this process never accepted
// it.
inline std::string client_address(int client) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    if (getpeername(client, reinterpret_cast<sockaddr*>(&peer), &size) != 0)
        return "gone";
    char text[INET6_ADDRSTRLEN] = "";
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&peer);
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&peer);
    if (peer.ss_family == AF_INET) {
        inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
        return std::string(text) + ":" + std::to_string(ntohs(v4->sin_port));
    }
    inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    return "[" + std::string(text) + "]:" + std::to_string(ntohs(v6->sin6_port));
}

inline std::string describe(SSL* tls, const std::string& name) {
    const auto* host_name = SSL_get_servername(tls, TLSEXT_NAMETYPE_host_name);
    const unsigned char* alpn = nullptr;
    unsigned alpn_size = 0;
    SSL_get0_alpn_selected(tls, &alpn, &alpn_size);
    return "backend: " + name + "\npid: " + std::to_string(getpid()) +
           "\nclient: " + client_address(SSL_get_fd(tls)) +
           "\nhost_name: " + (host_name != nullptr ? host_name : "-") +
           "\nalpn: " + (alpn_size != 0 ? std::string(reinterpret_cast<const char*>(alpn), alpn_size) : "-") +
           "\ntls: " + SSL_get_version(tls) + (SSL_session_reused(tls) == 1 ? " resumed" : "") + "\n";
}

inline void write_all(SSL* tls, const std::string& text) {
    if (SSL_write(tls, text.data(), static_cast<int>(text.size())) <= 0)
        throw std::runtime_error("client is gone");
}

// read_until takes bytes off the connection up to and including `end`; an empty text is the end of the
// connection.
inline std::string read_until(SSL* tls, std::string& buffered, const std::string& end) {
    auto found = std::string::npos;
    while ((found = buffered.find(end)) == std::string::npos) {
        char bytes[4096];
        const int n = SSL_read(tls, bytes, sizeof bytes);
        if (n <= 0 || buffered.size() > 65'536)
            return {};
        buffered.append(bytes, static_cast<std::size_t>(n));
    }
    auto taken = buffered.substr(0, found + end.size());
    buffered.erase(0, taken.size());
    return taken;
}

// serve speaks TLS and HTTP/1.1 with keep-alive until the client has enough. The socket is blocking.
inline void serve(SSL* tls, const std::string& name) {
    if (SSL_accept(tls) != 1)
        return;
    std::string buffered;
    for (;;) {
        const auto request = read_until(tls, buffered, "\r\n\r\n");
        if (request.empty())
            break;
        if (request.rfind("GET /echo ", 0) == 0) {
            write_all(tls,
                      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
            for (auto line = read_until(tls, buffered, "\n"); !line.empty();
                 line = read_until(tls, buffered, "\n"))
                write_all(tls, line);
            break;
        }
        const bool last = request.find("Connection: close") != std::string::npos;
        const auto body = describe(tls, name);
        write_all(tls, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " +
                           std::to_string(body.size()) + (last ? "\r\nConnection: close" : "") + "\r\n\r\n" +
                           body);
        if (last)
            break;
    }
    SSL_shutdown(tls);
}

// start_thread tries until there can be one more thread: what it is started for may have nobody else.
template <class Work>
void start_thread(const Work& work) {
    for (;;) {
        try {
            return std::thread(work).detach();
        } catch (const std::system_error&) {
            usleep(10'000);
        }
    }
}

} // namespace hello
