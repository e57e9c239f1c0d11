// SPDX-License-Identifier: BSL-1.0
// The input is a TCP stream. snipass, OpenSSL and GnuTLS read it; snipass must never route by a name that the
// server behind it would not read, and must not refuse what both of them read, but for the differences listed
// here.
#include "fuzz_target.hpp"
#include "hello_reading.hpp"
#include "snipass/base/host_name.hpp"
#include "snipass/tls/hello_error.hpp"
#include "stacks.hpp"

#include <algorithm>
#include <array>
#include <string>

#ifdef SNIPASS_LIBFUZZER
#include "hello_mutator.hpp"
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t capacity);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t capacity,
                                               unsigned seed);
#endif

using namespace snipass;
using namespace snipass::fuzz;
using namespace snipass::testing;
using tls::hello_error;

namespace {

// The rules over which snipass refuses a hello that this stack reads a name from: each is a deliberate
// difference with its reason in docs/parser.md. A rule that is not here may be broken by no hello that the
// stack accepts.
struct difference {
    hello_error rule;
    bool openssl;
    bool gnutls;
};
constexpr std::array differences{
    difference{hello_error::record_type, true, true},
    difference{hello_error::record_empty, true, false},
    difference{hello_error::data_behind_hello, true, true},
    difference{hello_error::extension_duplicate, true, true},
    difference{hello_error::extension_of_dtls, false, true},
    difference{hello_error::extension_body, true, true},
    difference{hello_error::server_name_type, false, true},
    difference{hello_error::server_name_count, false, true},
    difference{hello_error::server_name_empty, true, false},
    difference{hello_error::server_name_too_long, false, true},
    difference{hello_error::alpn_list, false, true},
    difference{hello_error::supported_groups_list, false, true},
    difference{hello_error::signature_algorithms_list, true, true},
    difference{hello_error::key_share_list, true, true},
    difference{hello_error::pre_shared_key_list, true, true},
    difference{hello_error::encrypted_client_hello_body, true, true},
    difference{hello_error::renegotiation_info_body, true, true},
    difference{hello_error::compression_with_tls13, false, true},
    difference{hello_error::key_share_group, true, true},
};

bool is_listed(const error_code& error, bool difference::*stack) {
    return std::ranges::any_of(differences,
                               [&](const difference& each) { return error == each.rule && each.*stack; });
}

struct opinions {
    const hello_reading& snipass;
    const verdict& openssl;
    const verdict& tls12; // OpenSSL without TLS 1.3
    const verdict& gnutls;
};

std::string told(const opinions& all, const std::string& property) {
    std::string mine = "waits";
    if (all.snipass.error)
        mine = "refused: " + all.snipass.error.message();
    else if (all.snipass.hello)
        mine = all.snipass.name() ? "name " + *all.snipass.name() : "no name";
    return property + "\n  snipass: " + mine + "\n  OpenSSL: " + all.openssl.to_string() +
           "\n  OpenSSL without TLS 1.3: " + all.tls12.to_string() + "\n  GnuTLS:  " + all.gnutls.to_string();
}

// A server may refuse a well-formed hello before it looks at the name, over what it has in common with the
// client, or because it knows a later version than a client that fell back (RFC 7507). Another server will
// not.
bool refuses_by_policy(const verdict& openssl) {
    return openssl.reason == "inappropriate fallback" || openssl.reason == "no shared cipher";
}

// GnuTLS refuses a name with '_', whatever else the hello says: it is no witness for such a hello.
bool refuses_the_name(const verdict& gnutls, const std::string& name) {
    return name.find('_') != std::string::npos &&
           gnutls.reason == "A disallowed SNI server name has been received.";
}

bool agrees(const verdict& stack, const std::string& name) {
    return stack.kind == verdict_kind::refused || (stack.kind == verdict_kind::name && stack.name == name);
}

bool names_nobody(const verdict& stack) {
    return stack.kind == verdict_kind::refused || stack.kind == verdict_kind::no_name;
}

bool comes_to_nothing(const verdict& stack) {
    return stack.kind == verdict_kind::refused || stack.kind == verdict_kind::waits;
}

// What must be true of an accepted hello, with and without a name.
void check_accepted(const opinions& all) {
    const auto name = all.snipass.name();
    if (!name) {
        require(names_nobody(all.openssl) && names_nobody(all.tls12) && names_nobody(all.gnutls),
                told(all, "no stack reads a name where snipass reads none"));
        return;
    }
    require(agrees(all.openssl, *name) && agrees(all.tls12, *name) && agrees(all.gnutls, *name),
            told(all, "each stack reads the name that snipass reads"));
    const bool both_refuse = all.openssl.kind == verdict_kind::refused && !refuses_by_policy(all.openssl) &&
                             all.gnutls.kind == verdict_kind::refused && !refuses_the_name(all.gnutls, *name);
    // A name that is no DNS host name is in no route.
    const bool can_be_routed = host_name::parse(*name).has_value();
    require(!both_refuse || !can_be_routed, told(all, "snipass routes by no name where both stacks refuse"));
}

void check_refused(const opinions& all, byte_view stream) {
    const auto is_too_strict = [&](const verdict& stack, bool difference::*listed,
                                   bool (*serves)(byte_view)) {
        return stack.kind == verdict_kind::name && !is_listed(all.snipass.error, listed) && serves(stream);
    };
    require(!is_too_strict(all.openssl, &difference::openssl, openssl_serves),
            told(all, "snipass refuses what OpenSSL serves only by a listed rule"));
    require(!is_too_strict(all.gnutls, &difference::gnutls, gnutls_serves),
            told(all, "snipass refuses what GnuTLS serves only by a listed rule"));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const byte_view stream{data, size};
    const auto mine = read_hello(stream);
    const auto openssl = ask_openssl(stream);
    const auto tls12 = ask_openssl_tls12(stream);
    const auto gnutls = ask_gnutls(stream);
    const opinions all{mine, openssl, tls12, gnutls};
    if (mine.hello)
        check_accepted(all);
    else if (mine.error)
        check_refused(all, stream);
    else
        require(comes_to_nothing(openssl) && comes_to_nothing(tls12) && comes_to_nothing(gnutls),
                told(all, "no stack comes to a choice while snipass waits"));
    return 0;
}

#ifdef SNIPASS_LIBFUZZER
std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t capacity,
                                    unsigned seed) {
    const auto mutated = mutated_hello({data, size}, seed, LLVMFuzzerMutate);
    const auto kept = std::min(mutated.size(), capacity);
    std::copy_n(mutated.begin(), kept, data);
    return kept;
}
#endif
