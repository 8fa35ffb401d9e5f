// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Factories that do what they should not.
#include <poll.h>

#include <memory>
#include <stdexcept>

#include "banger/sdk/dns.hpp"
#include "banger/sdk/plugin.hpp"
#include "banger/sdk/storage.hpp"

namespace {

using namespace banger::sdk;
using Made = Result<std::unique_ptr<Provider>>;

class NoStorage final : public Dns {
public:
    Result<Probe> probe(Call&) override { return Probe{}; }
    Result<void> publish(const DnsRecord&) override { return {}; }
    Result<void> withdraw(const std::string&) override { return {}; }
    Result<std::vector<DnsRecord>> list() override { return std::vector<DnsRecord>{}; }
};

Made throws(Host&, const char*)
{
    throw std::runtime_error("the factory is on fire");
}

Made nothing(Host&, const char*)
{
    return std::unique_ptr<Provider>();
}

Made liar(Host&, const char*)
{
    return std::unique_ptr<Provider>(std::make_unique<NoStorage>());
}

Made refuses(Host&, const char*)
{
    return make_error(Code::unavailable, "the moon is not full", "wait for it");
}

Made hangs(Host&, const char*)
{
    for (;;)
        ::poll(nullptr, 0, -1);
}

constexpr Capability capabilities[] = {{"storage/0", "throws", throws}, {"storage/0", "nothing", nothing},
                                       {"storage/0", "liar", liar},     {"storage/0", "refuses", refuses},
                                       {"storage/0", "hangs", hangs},   {"zebra/7", "new", nothing}};

}  // namespace

BANGER_PLUGIN(capabilities)
