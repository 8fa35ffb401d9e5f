// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "dns_names.hpp"

#include "server.hpp"

namespace banger::dns {
namespace {

class DnsNames final : public sdk::Dns {
public:
    explicit DnsNames(const Config& config) : config_(config), zone_(config.zone) {}

    sdk::Result<void> open()
    {
        auto sockets = open_sockets({config_.address, config_.port});
        if (!sockets)
            return std::move(sockets).error();
        auto server = Server::start(zone_, std::move(*sockets));
        if (!server)
            return std::move(server).error();
        server_ = std::move(*server);
        return {};
    }

    [[nodiscard]] bool has_other_port() const { return server_->endpoint().port != config_.port; }
    [[nodiscard]] std::string where() const
    {
        return "names below ." + config_.zone + " are answered on " + server_->endpoint().text() +
               (has_other_port() ? ", since something else has port " + std::to_string(config_.port) : "");
    }

    sdk::Result<sdk::Probe> probe(sdk::Call& /*call*/) override
    {
        sdk::Probe probe;
        probe.usable = true;
        probe.reason = where();
        probe.facts = {{"address", server_->endpoint().address},
                       {"port", std::to_string(server_->endpoint().port)},
                       {"wanted_port", std::to_string(config_.port)},
                       {"zone", config_.zone}};
        return probe;
    }

    sdk::Result<void> publish(const sdk::DnsRecord& record) override { return zone_.publish(record); }
    sdk::Result<void> withdraw(const std::string& name) override
    {
        zone_.withdraw(name);
        return {};
    }
    sdk::Result<std::vector<sdk::DnsRecord>> list() override { return zone_.list(); }

private:
    Config config_;
    Zone zone_;
    std::unique_ptr<Server> server_;  ///< ends before what it answers from
};

}  // namespace

sdk::Result<std::unique_ptr<sdk::Dns>> make_names(sdk::Host& host, const Config& config)
{
    auto names = std::make_unique<DnsNames>(config);
    if (auto opened = names->open(); !opened)
        return std::move(opened).error();
    if (names->has_other_port())
        host.log(sdk::LogLevel::warning, names->where());
    return std::unique_ptr<sdk::Dns>(std::move(names));
}

}  // namespace banger::dns
