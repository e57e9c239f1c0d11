// SPDX-License-Identifier: BSL-1.0
// libsnipass: a thread that is cancelled in one of its calls loses nothing, and leaves no lock behind.
#include "receiver_fixture.hpp"

#include <array>
#include <functional>
#include <pthread.h>

using namespace handoff_test;

namespace {

// call_cancelled calls `what` in a thread that is cancelled at its first chance. It comes to its end all the
// same, and the thread is cancelled then.
bool call_cancelled(const std::function<void()>& what) {
    struct call {
        const std::function<void()>& what;
        bool has_returned = false;
    } one{what};
    const auto run = [](void* of) -> void* {
        auto& made = *static_cast<call*>(of);
        pthread_cancel(pthread_self());
        made.what();
        made.has_returned = true;
        pthread_testcancel();
        return nullptr;
    };
    pthread_t thread{};
    REQUIRE(pthread_create(&thread, nullptr, run, &one) == 0);
    void* result = nullptr;
    REQUIRE(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
    return one.has_returned;
}

} // namespace

TEST_CASE_METHOD(fixture,
                 "libsnipass: a thread that is cancelled in stop or free leaves nothing locked or open") {
    options.protocol = GENERATE(SNIPASS_STREAM, SNIPASS_DATAGRAM);
    const auto before = open_descriptors();
    auto* const receiver = snipass_listen(path.c_str(), &options);
    REQUIRE(receiver != nullptr);
    REQUIRE(call_cancelled([&] { snipass_stop(receiver); }));
    CHECK(snipass_receive(receiver, -1) == nullptr);
    CHECK(errno == ESHUTDOWN);
    REQUIRE(call_cancelled([&] { snipass_receiver_free(receiver); }));
    CHECK(open_descriptors() == before);
}

TEST_CASE_METHOD(fixture, "libsnipass: a thread that is cancelled closes its client all the same") {
    const auto receiver = listen();
    const auto client = make_tcp_pair();
    const auto connection = hand_over(path, client.near.get());
    const auto before = open_descriptors();
    auto* const taken = snipass_receive(receiver.get(), 0);
    REQUIRE(taken != nullptr);
    CHECK(call_cancelled([&] { snipass_client_free(taken); }));
    CHECK(open_descriptors() == before);
}

TEST_CASE_METHOD(fixture,
                 "libsnipass: a thread that is cancelled while it makes a receiver leaves none, or one") {
    const auto before = open_descriptors();
    CHECK(listen()); // a dead file is replaced, with more calls
    snipass_receiver* receiver = nullptr;
    REQUIRE(call_cancelled([&] { receiver = snipass_listen(path.c_str(), &options); }));
    CHECK(receiver != nullptr);
    snipass_receiver_free(receiver);
    // One that cannot be made closes what it had.
    REQUIRE(call_cancelled([&] { receiver = snipass_listen("/no/such/folder", &options); }));
    CHECK(receiver == nullptr);
    const auto address = unix_address(path + ".adopted");
    test_fd passed{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    REQUIRE(bind(passed.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    options.protocol = SNIPASS_DATAGRAM;
    REQUIRE(call_cancelled([&] { receiver = snipass_adopt(dup(passed.get()), &options); }));
    CHECK(receiver != nullptr);
    snipass_receiver_free(receiver);
    passed.reset();
    CHECK(open_descriptors() == before);
}
