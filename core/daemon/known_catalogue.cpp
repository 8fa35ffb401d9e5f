// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/daemon/known_catalogue.hpp"

#include <fcntl.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "banger/sdk/image_source.hpp"
#include "banger/sdk/os/file.hpp"
#include "core/lifecycle/operation.hpp"
#include "core/log/log.hpp"
#include "core/model/json.hpp"

namespace banger::daemon {
namespace {

constexpr const char* plugin = "image-catalog";
constexpr const char* source_name = "catalog";
constexpr std::chrono::seconds most_time{10};  // whoever starts the daemon waits for it

bool lists_catalogues(const config::Config& config)
{
    const auto section = config.plugins.find(plugin);
    if (section == config.plugins.end())
        return false;
    const auto parsed = json::parse_object(section->second.json, "the section of plugin image-catalog");
    return parsed && json::find(*parsed, "catalogues") != nullptr;
}

/// Cancels an operation after a time, unless it has ended by then.
class Limit {
public:
    Limit(lifecycle::Operation& operation, std::chrono::seconds time)
        : watch_([this, &operation, time] {
              std::unique_lock lock(mutex_);
              if (!changed_.wait_for(lock, time, [this] { return ended_; }))
                  operation.cancel();
          })
    {
    }
    ~Limit()
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        changed_.notify_all();
    }
    Limit(const Limit&) = delete;
    Limit& operator=(const Limit&) = delete;

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool ended_ = false;
    std::jthread watch_;  // last: uses the others
};

sdk::Result<std::string> read_catalogues(plugins::Registry& registry)
{
    auto source = registry.get<sdk::ImageSource>(source_name);
    if (!source)
        return std::move(source).error();
    const auto nowhere = sdk::os::open_file("/dev/null", O_WRONLY);
    if (!nowhere)
        return nowhere.error();
    lifecycle::Operation operation("read catalogues", nullptr, [](const std::string& warning) { log::warning(warning); });
    const Limit limit(operation, most_time);
    auto answer = (*source)->fetch({source_name, R"({"catalogues": "now"})", {}, nowhere->get()}, operation);
    if (!answer)
        return std::move(answer).error();
    return std::move(answer->facts["catalogue"]);
}

}  // namespace

images::Catalogue known_catalogue(plugins::Registry& registry, const config::Config& config)
{
    images::Catalogue catalogue = images::Catalogue::built_in();
    if (!lists_catalogues(config))
        return catalogue;
    const auto text = read_catalogues(registry);
    const auto left_out = text ? catalogue.add(*text) : sdk::Result<std::vector<std::string>>(text.error());
    if (!left_out)
        log::warning("the catalogues of config.toml are left out: " + left_out.error().message);
    else
        for (const auto& why : *left_out)
            log::warning("left out of the catalogues: " + why);
    return catalogue;
}

}  // namespace banger::daemon
