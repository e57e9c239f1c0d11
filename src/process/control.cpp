// SPDX-License-Identifier: BSL-1.0
// What `snipass status` and the like ask. The text is written here, so that the command needs to know of no
// more than one socket, and a router of another version is asked in the same way.
#include "snipass/process/control.hpp"

#include "snipass/base/quoted.hpp"
#include "snipass/operating/status_json.hpp"
#include "snipass/operating/status_text.hpp"
#include "snipass/os/error.hpp"
#include "snipass/process/listener_hints.hpp"
#include "snipass/process/sessions.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <utility>

namespace snipass::server {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using asio::awaitable;

constexpr std::chrono::milliseconds patience_with_workers = 1s;
constexpr std::size_t most_listed = 1'000;
constexpr std::size_t most_remarks = 1'000;

std::vector<config::metrics_address> address_of(const config::control_settings& settings) {
    if (settings.path.empty())
        return {};
    return {{.text = settings.path, .path = settings.path, .where = settings.where}};
}

http_answer say(unsigned status, const std::string& text) {
    return {.status = status, .body = text + "\n"};
}

awaitable<void> wait_for(asio::steady_timer& one) {
    boost::system::error_code ec;
    co_await one.async_wait(asio::redirect_error(asio::use_awaitable, ec));
}

http_answer tell(const reload_report& how, const std::string& file) {
    http_answer made{.status = how.is_good ? 200U : 422U};
    for (std::size_t i = 0; i < std::min(how.remarks.size(), most_remarks); ++i)
        made.body += how.remarks[i] + "\n";
    if (how.remarks.size() > most_remarks)
        made.body += "and " + std::to_string(how.remarks.size() - most_remarks) + " more\n";
    for (const auto& one : how.changes)
        made.body += one + "\n";
    if (!how.is_good)
        made.body += "not reloaded: the configuration before goes on\n";
    else
        made.body += "reloaded " + file + (how.changes.empty() ? ": it says what it said before\n" : "\n");
    return made;
}

http_answer answer_upgrade(const std::string& why_not) {
    return why_not.empty() ? say(200, "it leaves its clients to the next process")
                           : say(409, "not upgraded: " + why_not);
}

} // namespace

// request is a question with what stands behind its "?".
struct control::request {
    http_question asked;
    std::map<std::string, std::string> given = parameters_of(asked.target);

    [[nodiscard]] std::string value(const std::string& key) const {
        const auto found = given.find(key);
        return found == given.end() ? "" : found->second;
    }
    // in_words: as an admin has written it.
    [[nodiscard]] std::string in_words() const {
        auto text = std::string{path_of(asked.target)};
        text.erase(0, 1); // its "/"
        for (const auto* const key : {"backend", "address", "id"})
            if (const auto one = value(key); !one.empty())
                text += " " + one;
        return text;
    }
    [[nodiscard]] bool is(std::string_view method, std::string_view path) const {
        return asked.method == method && path_of(asked.target) == path;
    }
};

// gathering is what comes of the workers, until all have answered or the time is over.
template <class Part>
struct control::gathering {
    explicit gathering(asio::io_context& io) : done(io) {}

    asio::steady_timer done;
    std::size_t owed = 0;
    std::vector<Part> parts;
};

control::control(asio::io_context& io, operation& known, address_book& book, std::function<bool()> ask_reload,
                 std::function<std::string(const std::string&)> ask_upgrade)
    : io_(io), known_(known), drains_(book), ask_reload_(std::move(ask_reload)),
      ask_upgrade_(std::move(ask_upgrade)),
      door_(io, [this](http_question question) { return answer(std::move(question)); }) {}

void control::open(const config::configuration& next, std::vector<std::string>& problems) {
    default_problem_.clear();
    const auto wanted = address_of(next.control);
    if (next.control.is_given)
        return open_all(door_, wanted, "control.path", next.file, problems);
    std::error_code ec;
    if (!problems.empty() || wanted.empty() || !fs::exists(fs::path{next.control.path}.parent_path(), ec))
        return;
    std::vector<std::string> own;
    open_all(door_, wanted, "the control socket", {}, own);
    if (!own.empty())
        default_problem_ = own.front();
}

void control::use(std::shared_ptr<const config::configuration> configuration, worker_pool& workers,
                  log& log) {
    configuration_ = std::move(configuration);
    workers_ = &workers;
    log_ = &log;
    drains_.keep(*configuration_);
    for (const auto& [address, at] : door_.keep(address_of(configuration_->control)))
        log.write(config::log_level::info, "control", {{"path", address}});
    if (!default_problem_.empty())
        log.write(config::log_level::warn, std::exchange(default_problem_, {}) +
                                               "; without it there is no snipass status, drain or reload");
}

awaitable<http_answer> control::answer(http_question question) {
    const request one{std::move(question)};
    if (!one.asked.asker || !os::may_command(*one.asked.asker))
        co_return say(403, "only root, the router's user and its group may ask");
    if (auto why = why_not_this_one(one); !why.empty())
        co_return say(409, why);
    if (one.is("GET", "/status"))
        co_return co_await tell_status(one);
    if (one.is("GET", "/sessions"))
        co_return co_await tell_sessions(one);
    note(one);
    if (one.is("POST", "/drain"))
        co_return drain(one, true);
    if (one.is("POST", "/resume"))
        co_return drain(one, false);
    if (one.is("POST", "/close"))
        co_return co_await close(one);
    if (one.is("POST", "/reopen"))
        co_return co_await reopen();
    if (one.is("POST", "/upgrade"))
        co_return answer_upgrade(ask_upgrade_(one.value("reads")));
    if (one.is("POST", "/reload"))
        co_return co_await reload();
    co_return say(404, "this router knows no such command; is it another version than the one that asks?");
}

// why_not_this_one: whoever came by the default path may mean another router. Empty: this one is meant.
std::string control::why_not_this_one(const request& one) const {
    const auto meant = one.value("file");
    if (meant.empty())
        return {};
    std::error_code ec;
    const auto ours = fs::weakly_canonical(configuration_->file, ec).string();
    if (ec || ours == meant)
        return {};
    return "the router that runs serves " + ours + ", and not " + meant +
           ": where there are two, write [control] path into each file";
}

void control::note(const request& one) const {
    const auto& by = *one.asked.asker;
    log_->write(config::log_level::info, "asked",
                {{"command", one.in_words()},
                 {"user", std::uint64_t{by.user}},
                 {"process", static_cast<std::uint64_t>(by.process)}});
}

awaitable<http_answer> control::tell_status(const request& one) {
    const auto form = one.value("form");
    const auto now = co_await known_.gather();
    if (form == "json")
        co_return http_answer{.type = "application/json", .body = to_json(now, known_.past())};
    co_return http_answer{.body = to_text(now, form == "colour")};
}

template <class Part>
awaitable<std::shared_ptr<control::gathering<Part>>>
control::gather(std::function<Part(context&, unsigned)> ask) {
    auto all = std::make_shared<gathering<Part>>(io_);
    all->owed = workers_->size();
    all->parts.reserve(all->owed); // where they come in, nobody catches bad_alloc
    all->done.expires_after(patience_with_workers);
    workers_->ask([this, all, ask = std::move(ask)](worker& of, unsigned number) {
        asio::post(io_, [all, part = ask(of.thread(), number)]() mutable {
            all->parts.push_back(std::move(part));
            if (--all->owed == 0)
                all->done.cancel();
        });
    });
    co_await wait_for(all->done);
    co_return all;
}

awaitable<http_answer> control::tell_sessions(const request& one) {
    const auto backend = one.value("backend");
    const auto form = one.value("form");
    if (const auto why = backend.empty() ? std::string{} : why_no_backend(*configuration_, backend);
        !why.empty())
        co_return say(404, why);
    // Named: GCC destroys what stands in a co_await twice.
    std::function<session_list(context&, unsigned)> list = [backend](context& thread, unsigned number) {
        return list_sessions(thread, number, backend, most_listed);
    };
    const auto found = co_await gather(std::move(list));
    session_list all{.silent_workers = found->owed};
    for (auto& part : found->parts) {
        std::ranges::move(part.lines, std::back_inserter(all.lines));
        all.left_out += part.left_out;
    }
    sort(all, most_listed);
    if (form == "json")
        co_return http_answer{.type = "application/json", .body = to_json(all)};
    co_return http_answer{.body = to_text(all, form == "colour")};
}

awaitable<http_answer> control::close(const request& one) {
    const auto name = one.value("id");
    session_id id;
    if (!session_id::parse(name, id))
        co_return say(400, in_ascii_quotes(name) + " is no session's ID; snipass sessions lists them");
    std::function<bool(context&, unsigned)> end = [id](context& thread, unsigned number) {
        return number == id.worker && close_session(thread, id);
    };
    const auto found = co_await gather(std::move(end));
    if (std::ranges::count(found->parts, true) > 0)
        co_return say(200, "closed");
    if (found->owed > 0)
        co_return say(503, std::to_string(found->owed) + " workers did not answer in time");
    co_return say(404, "there is no session " + name + ": it has ended, or a backend has it");
}

// reopen waits for the log's thread, which opens the file before the next line that it writes.
awaitable<http_answer> control::reopen() {
    constexpr auto pause = 5ms;
    const auto wanted = log_->reopen();
    if (!wanted)
        co_return say(404, "[log] has no file");
    asio::steady_timer next{io_};
    for (auto left = patience_with_workers; left > left.zero(); left -= pause) {
        if (const auto done = log_->reopened(*wanted)) {
            if (*done)
                co_return say(500, configuration_->log.file + " cannot be opened: " + done->message() +
                                       "; lines go on into the file that is open");
            co_return say(200, "the log's file is opened again");
        }
        next.expires_after(pause);
        co_await wait_for(next);
    }
    co_return say(503, "the log's thread is at lines from before; it opens the file again behind them");
}

http_answer control::drain(const request& one, bool drained) {
    const auto backend = one.value("backend");
    const auto address = one.value("address");
    const auto problem = drains_.set(*configuration_, backend, address, drained);
    if (!problem.empty())
        return say(404, problem);
    const auto what = address.empty() ? backend : backend + " " + address;
    return say(200, what + (drained ? " gets no new clients: it is drained until snipass resume " + what
                                    : " gets new clients"));
}

awaitable<http_answer> control::reload() {
    const auto mine = std::make_shared<asker>(io_);
    asked_.push_back(mine);
    if (!ask_reload_())
        co_return say(503, "the router stops");
    if (!mine->how) // it may have failed at once
        co_await wait_for(mine->told);
    co_return tell(*mine->how, configuration_->file);
}

void control::reload_begins() {
    waiting_ = std::exchange(asked_, {});
}

void control::reload_ends(const reload_report& how) {
    for (const auto& one : std::exchange(waiting_, {})) {
        one->how = how;
        one->told.cancel();
    }
}

} // namespace snipass::server
