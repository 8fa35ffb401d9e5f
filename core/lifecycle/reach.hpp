// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/lifecycle/engine.hpp"

/// How this host reaches a VM that runs: by an address, by its name in DNS, and where the address is one of loopback, by the
/// guest's ports on it.
namespace banger::lifecycle {

struct Reach {
    std::string address;  ///< empty: it has none
    bool is_guests = false;  ///< the guest's own; else one of loopback, on which its ports are published
};

/// Asks the journal for a guest's own address, and, if it has one, its network whether the host reaches guests there; an
/// error if that cannot be said.
[[nodiscard]] sdk::Result<Reach> reach_of(Engine& engine, const model::VmRecord& vm, sdk::Call& call);

/// Where names are published, and in which domain.
struct NameService {
    std::shared_ptr<sdk::Dns> dns;
    sdk::Fields facts;  ///< of its probe: address, port, wanted_port, zone
};
/// `unsupported` and the like if there is no provider for names that can be used here.
[[nodiscard]] sdk::Result<NameService> name_service(Engine& engine, sdk::Call& call);

/// web.vm; empty where no names are published.
[[nodiscard]] std::string full_name(Engine& engine, const model::VmRecord& vm, sdk::Call& call);

/// A VM has begun to run, or was found running: its name resolves when this returns, and its ports follow. An error leaves
/// it running all the same, says what is not as it should, and is told to `Engine::open_reach_later`.
sdk::Result<void> open_reach(Engine& engine, const model::VmRecord& vm, sdk::Call& call);

/// While its guest boots, what of that takes a while the first time: providers are asked, so that they know, and the host's resolver
/// is told whom to ask for names of the VM's network. What fails is said by open_reach.
void learn_reach(Engine& engine, const model::VmRecord& vm, sdk::Call& call);

/// What open_reach could not do. Success, too, if the VM runs no more; `busy` while something else is done with it.
[[nodiscard]] sdk::Result<void> open_reach_again(Engine& engine, const std::string& id, Operation& operation);

/// It runs no more. Done already is success, as is a name service that is gone.
void close_reach(Engine& engine, const model::VmRecord& vm, sdk::Call& call);

}  // namespace banger::lifecycle
