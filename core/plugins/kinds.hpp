// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "banger/sdk/dns.hpp"
#include "banger/sdk/image_source.hpp"
#include "banger/sdk/kernel_source.hpp"
#include "banger/sdk/network.hpp"
#include "banger/sdk/network_names.hpp"
#include "banger/sdk/provisioner.hpp"
#include "banger/sdk/storage.hpp"
#include "banger/sdk/storage_fork.hpp"
#include "banger/sdk/vmm.hpp"
#include "banger/sdk/vmm_snapshot.hpp"

namespace banger::plugins {

/// The kind string of an interface: the one place where the two are joined.
template <typename Interface>
inline constexpr std::string_view kind_of = "";
template <>
inline constexpr std::string_view kind_of<sdk::Vmm> = "vmm/0";
template <>
inline constexpr std::string_view kind_of<sdk::VmmSnapshot> = "vmm.snapshot/0";
template <>
inline constexpr std::string_view kind_of<sdk::Storage> = "storage/0";
template <>
inline constexpr std::string_view kind_of<sdk::StorageFork> = "storage.fork/0";
template <>
inline constexpr std::string_view kind_of<sdk::Network> = "network/0";
template <>
inline constexpr std::string_view kind_of<sdk::NetworkNames> = "network.names/0";
template <>
inline constexpr std::string_view kind_of<sdk::ImageSource> = "image/0";
template <>
inline constexpr std::string_view kind_of<sdk::KernelSource> = "kernel/0";
template <>
inline constexpr std::string_view kind_of<sdk::Dns> = "dns/0";
template <>
inline constexpr std::string_view kind_of<sdk::Provisioner> = "provision/0";

/// The kinds whose providers make things that journals name: all have plan, release, inspect and list.
template <typename... Interface>
struct InterfaceList {};
using Resources = InterfaceList<sdk::Vmm, sdk::Storage, sdk::StorageFork, sdk::Network>;

/// What banger knows about a kind of provider.
struct Kind {
    std::string_view id;    ///< "vmm/0"
    std::string_view noun;  ///< for messages: "vmm"
    /// Names that `auto` tries first, in this order; others follow by name. A name after "-" is never picked by itself.
    std::span<const std::string_view> preferred;
};

[[nodiscard]] std::span<const Kind> kinds();
/// Null for a kind that this banger does not know.
[[nodiscard]] const Kind* find_kind(std::string_view id);
/// The noun of a kind, or the kind itself if it is unknown.
[[nodiscard]] std::string noun_of(std::string_view id);

/// Whether banger itself knows a provider of this name.
[[nodiscard]] bool is_usual(std::string_view kind, std::string_view name);

/// The names in the order in which `auto` asks them, without those it never picks.
[[nodiscard]] std::vector<std::string> auto_order(std::string_view kind, std::vector<std::string> names);

}  // namespace banger::plugins
