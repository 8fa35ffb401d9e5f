// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/lifecycle/engine.hpp"

/// Images and kernels, and the VMs that stand on them. One is taken or removed under its lock (Engine::source_locks), so
/// that none is removed between being found for a VM and being noted in its record.
namespace banger::lifecycle {

/// The image or kernel that the record names, made now if it is not here, and noted as the VM's.
sdk::Result<images::Image> claim_image(Engine& engine, model::VmRecord& vm, Operation& operation);
sdk::Result<images::Kernel> claim_kernel(Engine& engine, model::VmRecord& vm, Operation& operation);

/// Names of the VMs whose record has this image or kernel, by its id.
sdk::Result<std::vector<std::string>> users_of_image(Engine& engine, const std::string& id);
sdk::Result<std::vector<std::string>> users_of_kernel(Engine& engine, const std::string& id);

/// Removes one, by its id, and tells how many bytes that freed. `busy`, naming them, while VMs use it; `name` is for
/// messages.
sdk::Result<std::uint64_t> remove_image(Engine& engine, const std::string& id, const std::string& name, Operation& operation);
sdk::Result<std::uint64_t> remove_kernel(Engine& engine, const std::string& id, const std::string& name, Operation& operation);

/// An image that nothing needs.
struct SpareImage {
    images::Image image;
    std::string why;  ///< a clause, such as "no name leads to it"
};
/// Images that no VM uses: those that are damaged, and those that no name leads to, since what had it means another by
/// now. `all`: also those whose name only says where they can be had again; never one that is kept (images::Image).
sdk::Result<std::vector<SpareImage>> spare_images(Engine& engine, bool all);

}  // namespace banger::lifecycle
