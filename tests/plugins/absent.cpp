// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// Storage that `auto` comes to first and that is not for this host: one says so, the other cannot even be made.
#include <memory>

#include "banger/sdk/plugin.hpp"
#include "banger/sdk/testing/fake_storage.hpp"

namespace {

using namespace banger::sdk;
using Made = Result<std::unique_ptr<Provider>>;

class AbsentStorage final : public testing::FakeStorage {
public:
    using FakeStorage::FakeStorage;
    Result<Probe> probe(Call& /*call*/) override
    {
        Probe probe;
        probe.reason = "this host has no tape drive";
        probe.hint = "connect one";
        return probe;
    }
};

Made make_absent(Host& host, const char*)
{
    return std::unique_ptr<Provider>(
        std::make_unique<AbsentStorage>(host, std::make_shared<testing::FakeStorageWorld>()));
}

Made refuse(Host&, const char*)
{
    return make_error(Code::unavailable, "the archive is closed", "come back tomorrow");
}

constexpr Capability capabilities[] = {{"storage/0", "absent", make_absent}, {"storage/0", "closed", refuse}};

}  // namespace

BANGER_PLUGIN(capabilities)
