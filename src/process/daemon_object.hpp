// SPDX-License-Identifier: BSL-1.0
// daemon: what run_daemon runs. Private to process: daemon.cpp has its signals and its end,
// taking_into_use.cpp how a file is taken into use.
#pragma once

#include "snipass/backends/upkeep.hpp"
#include "snipass/config/parse.hpp"
#include "snipass/process/config_reader.hpp"
#include "snipass/process/control.hpp"
#include "snipass/process/inheritance.hpp"
#include "snipass/process/leaving.hpp"
#include "snipass/process/listener_opener.hpp"
#include "snipass/process/operation.hpp"
#include "snipass/process/retired_configurations.hpp"
#include "snipass/process/sandbox.hpp"
#include "snipass/process/service_manager.hpp"
#include "snipass/process/stopping.hpp"
#include "snipass/process/worker_pool.hpp"
#include "snipass/telling/log.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace snipass::server {

class daemon {
  public:
    daemon(std::string file, role& role, config_reader& reader);
    ~daemon() { reader_.forget(); }
    daemon(const daemon&) = delete;
    daemon& operator=(const daemon&) = delete;

    int run();

  private:
    void read();
    void on_read(prepared read);
    void start(const config::parsed& parsed);
    void end_early(int status);
    void reload(config::parsed parsed);
    [[nodiscard]] std::optional<opened_listeners> open_for(config::parsed& parsed);
    void not_reloaded(const std::string& why);
    void tell(config::log_level level, const std::string& remark);
    [[nodiscard]] opened_listeners open_listeners(const config::configuration& next, unsigned workers);
    void apply(opened_listeners opened);
    void applied_by_a_worker();
    void settle();
    [[nodiscard]] std::string summary() const;

    void await_signal();
    void on_signal(int number);
    bool ask_reload();
    std::string ask_upgrade(unsigned reads);
    void log_counters();

    void stop(int signal);

    std::string file_;
    role& role_;
    config_reader& reader_;
    std::shared_ptr<const config::configuration> configuration_; // once it was read
    config::server_settings started_with_;
    std::shared_ptr<terminator> terminator_;                     // of the file that was read last
    std::optional<std::vector<certificate_state>> certificates_; // the same
    sandbox sandbox_;
    std::optional<log> log_; // its thread begins in the sandbox
    address_book book_;
    std::optional<upkeep> upkeep_;
    os::passed_sockets passed_; // until the next two have it
    inheritance heir_;
    listener_opener opener_;
    boost::asio::io_context io_{1};
    boost::asio::signal_set signals_;
    service_manager manager_;
    stopping end_;
    leaving leaving_;
    operation operation_;
    control control_;
    reload_report report_;               // of the file that was read last
    std::optional<worker_pool> workers_; // once the listeners are open
    retired_configurations retired_;
    std::string cut_;             // what was told of limits that descriptors do not reach
    std::string status_;          // what the service manager shows
    bool reading_ = false;        // the file
    std::size_t applying_ = 0;    // answers that the workers owe
    bool reload_asked_ = false;   // meanwhile
    bool counters_asked_ = false; // before there were any
    bool stopping_ = false;
    int exit_status_ = 0;
};

} // namespace snipass::server
