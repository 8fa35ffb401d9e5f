// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/daemon/service.hpp"
#include "tests/unit/lifecycle/engine_world.hpp"

namespace banger::daemon {

/// A service over an engine with fake machines, whose loop runs.
class ServiceWorld : public lifecycle::EngineWorld {
protected:
    explicit ServiceWorld(const std::vector<std::string>& plugins = {"fakes"})
        : EngineWorld(plugins), engine_(fresh()), work_(boost::asio::make_work_guard(loop_))
    {
        service_ = std::make_unique<Service>(loop_, *engine_, 2);
        service_->places = std::make_shared<forward::GuestPlaces>(100, 100);
        thread_ = std::thread([this] { loop_.run(); });
    }
    ~ServiceWorld() override { shut_down(); }

    /// Ends what the service does and then the loop. Done already is success.
    void shut_down()
    {
        if (!thread_.joinable())
            return;
        service_->shut_down();
        work_.reset();
        thread_.join();
        service_.reset();
    }

    std::unique_ptr<lifecycle::Engine> engine_;
    std::unique_ptr<Service> service_;

private:
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    std::thread thread_;
};

}  // namespace banger::daemon
