// SPDX-License-Identifier: BSL-1.0
// [tls], and the keys of a backend whose TLS ends in snipass-tls.
#include "draft.hpp"
#include "reader.hpp"
#include "snipass/base/host_name.hpp"
#include "snipass/config/address.hpp"
#include "snipass/config/limits.hpp"

#include <algorithm>

namespace snipass::config {
namespace {

constexpr choice<tls_version> versions[] = {{"1.2", tls_version::v1_2}, {"1.3", tls_version::v1_3}};

// as_certificate_path takes what a certificate_source has.
written<std::string> as_certificate_path(const node& node, bool may_be_pattern,
                                         std::string_view example = "/etc/snipass/live/*") {
    using result = written<std::string>;
    auto text = as_string(node, "a path", example);
    if (!text.value)
        return text;
    const auto& path = *text.value;
    const bool is_credential = path.starts_with(credential_prefix) &&
                               path.size() > credential_prefix.size() && path.find('/') == path.npos;
    if (path.starts_with(credential_prefix) && !is_credential)
        return result::refused(in_quotes(path) +
                               " names no credential; write what LoadCredential= has in front "
                               "of its colon, such as \"credential:blog.pem\"");
    if (!is_credential && !path.starts_with('/'))
        return result::refused(in_quotes(path) + " is a relative path; write one from the root, such as " +
                               in_quotes("/etc/snipass/" + path));
    const auto star = path.find('*');
    if (star == path.npos)
        return text;
    if (!may_be_pattern || is_credential)
        return result::refused(in_quotes(path) + " has a \"*\"; write the name of one file");
    if (path.find('/', star) != path.npos)
        return result::refused(in_quotes(path) + " has a \"*\" in front of a \"/\"; it may stand in the last "
                                                 "part only, such as \"/etc/snipass/live/*\"");
    return text;
}

// A source whose mistakes have been told is none. `name` is that of the key whose value it is.
std::optional<certificate_source> read_pair(const members& table, position where, const std::string& name,
                                            findings& findings) {
    certificate_source made{{}, {}, where};
    table_reader in{table, name, findings};
    const auto as_file = [](const node& node) { return as_certificate_path(node, false); };
    const bool chain = in.read("chain", made.chain, as_file);
    const bool key = in.read("key", made.key, as_file);
    if (!chain || !key)
        findings.error(where, name + ": no " + (chain ? "key" : "chain") +
                                  "; write { chain = \"/PATH/fullchain.pem\", key = \"/PATH/privkey.pem\" }");
    in.finish();
    return made.chain.empty() || made.key.empty() ? std::nullopt : std::optional{made};
}

written<std::optional<certificate_source>> as_source(const node& node, bool may_be_pattern,
                                                     const std::string& name, findings& findings) {
    using result = written<std::optional<certificate_source>>;
    if (const auto* const table = std::get_if<members>(&node.value))
        return read_pair(*table, node.where, name, findings);
    auto path = as_certificate_path(node, may_be_pattern,
                                    may_be_pattern ? "/etc/snipass/live/*" : "/etc/snipass/to-backends.pem");
    if (!path.value)
        return result::refused(std::move(path.problem));
    return std::optional{certificate_source{std::move(*path.value), {}, node.where}};
}

written<std::string> as_default_name(const node& node) {
    auto text = as_string(node, "a host name", "www.example.com");
    if (!text.value)
        return text;
    const auto name = host_name::parse(*text.value);
    if (!name)
        return written<std::string>::refused(in_quotes(*text.value) +
                                             " is no host name; write one that a certificate has, such as "
                                             "\"www.example.com\"");
    return std::string(name->text());
}

struct spelling {
    std::string_view written; // in lower case
    std::string_view right;   // empty: there is none
};
constexpr spelling spellings[] = {
    {"h2", "h2"},
    {"http/2", "h2"},
    {"http/2.0", "h2"},
    {"http2", "h2"},
    {"h1", "http/1.1"},
    {"http/1.1", "http/1.1"},
    {"http1.1", "http/1.1"},
    {"http/1", "http/1.1"},
    {"http", "http/1.1"},
    {"http1", "http/1.1"},
    {"h3", ""},
    {"http/3", ""},
    {"http3", ""},
};

// as_offered is a protocol as clients write it (IANA's "TLS ALPN Protocol IDs"): spelt otherwise, no client
// offers it, and all would be refused.
written<std::string> as_offered(const node& node) {
    using result = written<std::string>;
    auto text = as_alpn(node);
    if (!text.value)
        return text;
    std::string lower;
    for (const char c : *text.value)
        lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const auto* const found = std::ranges::find(spellings, lower, &spelling::written);
    if (found == std::end(spellings) || found->right == *text.value)
        return text;
    if (found->right.empty())
        return result::refused(in_quotes(*text.value) +
                               " is QUIC's, over UDP, and here is TCP; write \"h2\" or \"http/1.1\"");
    return result::refused(in_quotes(*text.value) + " is what no client offers; write " +
                           in_quotes(found->right));
}

// as_termination has one word, which is what makes a difference.
written<bool> as_termination(const node& node) {
    static constexpr choice<bool> words[] = {{"terminate", true}};
    return as_choice<bool>(node, words);
}

written<plaintext_kind> as_plaintext(const node& node) {
    static constexpr choice<plaintext_kind> kinds[] = {{"relay", plaintext_kind::relay},
                                                       {"ktls", plaintext_kind::ktls}};
    return as_choice<plaintext_kind>(node, kinds);
}

void read_client_certificates(table_reader& in, termination_settings& made) {
    static constexpr choice<bool> words[] = {{"required", true}, {"optional", false}};
    const auto as_authorities = [](const node& node) {
        return as_certificate_path(node, false, "/etc/snipass/clients.pem");
    };
    client_certificates clients;
    const auto* const file = in.take("client_ca");
    const auto* const verify = in.take("verify");
    in.read("client_ca", clients.authorities, as_authorities);
    in.read("verify", clients.are_required, [](const node& node) { return as_choice<bool>(node, words); });
    if (file != nullptr) {
        clients.where = file->value.where;
        made.clients = std::move(clients);
    } else if (verify != nullptr) {
        in.error(verify->value.where, "verify",
                 "there is no client_ca; write the file with the certificates of those who issue your "
                 "clients', such as client_ca = \"/etc/snipass/clients.pem\"");
    }
}

constexpr const char* encryption_keys[] = {"backend_ca", "backend_name", "backend_certificate"};

void read_encryption(table_reader& in, const backend_settings& settings, termination_settings& made,
                     findings& findings) {
    const auto* const key = in.take("backend_tls");
    bool encrypts = false;
    in.read("backend_tls", encrypts, as_boolean);
    if (!encrypts) {
        for (const auto* const one : encryption_keys)
            in.reject(one, "belongs to backend_tls = true; write that, or leave it out");
        return;
    }
    if (settings.relay() == nullptr)
        in.error(key->value.where, "backend_tls",
                 "the backend is handed a socket of this machine, which nobody else sees; leave it out, or "
                 "write proxy in place of handoff");
    auto& how = made.encryption.emplace();
    const auto* const file = in.take("backend_ca");
    how.where = file != nullptr ? file->value.where : key->value.where;
    in.read("backend_ca", how.authorities,
            [](const node& node) { return as_certificate_path(node, false, "/etc/snipass/backends.pem"); });
    in.read("backend_name", how.name, as_default_name);
    in.read("backend_certificate", how.shown, [&](const node& node) {
        constexpr bool may_be_pattern = false;
        return as_source(node, may_be_pattern, "backend." + settings.name + ".backend_certificate", findings);
    });
}

} // namespace

tls_draft read_tls(const members& table, position where, findings& findings) {
    tls_draft draft;
    draft.handoff_where = where;
    auto& tls = draft.settings;
    tls.where = where;
    table_reader in{table, "tls", findings};
    using lone = table_reader::lone_string;
    const bool certificates = in.read_each(
        "certificates", lone::accepted,
        [&](const node& node) { return as_source(node, true, "tls.certificates", findings); },
        [&](std::optional<certificate_source> source, position) {
            if (source)
                tls.certificates.push_back(std::move(*source));
        });
    if (!certificates)
        findings.error(where, "tls: no certificates; write certificates = [\"/etc/snipass/live/*\"], or the "
                              "folder where yours are");
    if (const auto* const handoff = in.take("handoff"))
        draft.handoff_where = handoff->value.where;
    in.read("handoff", tls.handoff_path, [](const node& node) {
        auto text = as_string(node, "a unix socket", "unix:/run/snipass-tls/handoff.sock");
        return text.value ? parse_handoff_address(*text.value) : text;
    });
    tls.allows_listed_only =
        in.read_each("allowed_users", lone::refused, as_user,
                     [&](allowed_user user, position) { tls.allowed_users.push_back(std::move(user)); });
    in.read("handshake_timeout", tls.handshake_timeout,
            [](const node& node) { return as_duration(node, limits::shortest_duration); });
    in.read("max_handshakes", tls.max_handshakes,
            [](const node& node) { return as_integer(node, 1, limits::handshakes); });
    in.read("min_version", tls.min_version,
            [](const node& node) { return as_choice<tls_version>(node, versions); });
    if (const auto* const given = in.take("default"))
        tls.default_where = given->value.where;
    in.read("default", tls.default_name, as_default_name);
    in.finish();
    return draft;
}

void read_termination(table_reader& in, backend_settings& settings, findings& findings) {
    bool terminates = false;
    termination_settings made;
    if (const auto* const tls = in.take("tls"))
        made.where = tls->value.where;
    in.read("tls", terminates, as_termination);
    if (!terminates) {
        constexpr const char* why =
            "belongs to a backend with tls = \"terminate\"; write that, or leave it out";
        for (const auto* const key : {"alpn", "plaintext", "client_ca", "verify", "backend_tls"})
            in.reject(key, why);
        for (const auto* const key : encryption_keys)
            in.reject(key, why);
        return;
    }
    std::vector<std::string> alpn;
    position offers_where;
    if (const auto* const given = in.take("alpn"))
        offers_where = given->value.where;
    const bool offers =
        in.read_each("alpn", table_reader::lone_string::accepted, as_offered,
                     [&](std::string protocol, position) { alpn.push_back(std::move(protocol)); });
    if (offers)
        made.alpn = std::move(alpn);
    if (const auto* const plaintext = in.take("plaintext"))
        made.plaintext_where = plaintext->value.where;
    in.read("plaintext", made.plaintext, as_plaintext);
    read_client_certificates(in, made);
    read_encryption(in, settings, made, findings);
    if (made.plaintext == plaintext_kind::ktls && settings.relay())
        in.error(
            made.plaintext_where, "plaintext",
            "\"ktls\" is for a backend that is handed its clients, and this one is proxied; leave it out");
    if (settings.forward())
        in.error(made.where, "tls", "a host that the client chooses does TLS itself; leave it out");
    const auto* const handoff = settings.handoff();
    if (handoff && !traits_of(handoff->protocol).tells_of_client)
        in.error(made.where, "tls",
                 "protocol = " + in_quotes(traits_of(handoff->protocol).name) +
                     " has no place to say that TLS has ended; write protocol = \"stream\"");
    if (settings.takes_requests() &&
        std::ranges::any_of(made.alpn, [](const auto& one) { return one != "http/1.1"; }))
        in.error(offers_where, "alpn",
                 "protocol = \"scgi\" passes on requests of HTTP/1; write alpn = \"http/1.1\"");
    settings.termination = std::move(made);
}

} // namespace snipass::config
