// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "leases.hpp"

#include <algorithm>
#include <set>
#include <sstream>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/own_rights.hpp"

namespace banger::tap {
namespace {

using sdk::Code;
using sdk::make_error;
namespace os = sdk::os;

// FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/): which address a VM would like.
std::uint32_t hash_of(const std::string& vm)
{
    std::uint32_t hash = 0x811c9dc5;
    for (const char byte : vm)
        hash = (hash ^ static_cast<unsigned char>(byte)) * 0x01000193;
    return hash;
}

}  // namespace

sdk::Result<Leases> Leases::open(sdk::Host& host)
{
    Leases leases(host.cache_directory() + "/addresses", host.vms_directory());
    auto text = os::read_file(leases.file_);
    if (text)
        leases.read(*text);
    else if (text.error().code != Code::not_found)
        return std::move(text).error();
    return leases;
}

void Leases::read(std::string_view text)
{
    written_ = text;
    std::istringstream lines{std::string(text)};
    std::string line;
    subnet_.reset();
    addresses_.clear();
    if (!std::getline(lines, line))
        return;
    if (auto subnet = Subnet::parse(line))
        subnet_ = *subnet;
    while (subnet_ && std::getline(lines, line)) {
        const auto blank = line.find(' ');
        const auto address = blank == std::string::npos ? std::nullopt : address_from_string(line.substr(blank + 1));
        if (address && subnet_->contains(*address))
            addresses_[line.substr(0, blank)] = *address;
    }
}

std::string Leases::text_of(const std::optional<Subnet>& subnet, const std::map<std::string, Address>& addresses)
{
    std::string text = subnet ? subnet->text() + "\n" : "";
    for (const auto& [vm, address] : addresses)
        text += vm + " " + to_string(address) + "\n";
    return text;
}

std::optional<Address> Leases::of(const std::string& vm) const
{
    const auto found = addresses_.find(vm);
    return found == addresses_.end() ? std::nullopt : std::optional(found->second);
}

void Leases::use(const Subnet& subnet)
{
    if (subnet_ != subnet)
        addresses_.clear();
    subnet_ = subnet;
}

void Leases::forget_the_gone()
{
    std::erase_if(addresses_, [&](const auto& lease) { return !os::exists(vms_directory_ + "/" + lease.first); });
}

sdk::Result<Address> Leases::take(const std::string& vm, const std::set<Address>& of_others)
{
    if (const auto address = of(vm); address && !of_others.contains(*address))
        return *address;
    if (!subnet_)
        return make_error(Code::internal, "no subnet was chosen");
    forget_the_gone();
    std::set<Address> taken = of_others;
    for (const auto& [other, address] : addresses_)
        taken.insert(address);
    const std::uint32_t guests = subnet_->guests();
    for (std::uint32_t i = 0; i < guests && taken.size() < guests; ++i) {
        const Address address = subnet_->first_guest() + (hash_of(vm) + i) % guests;
        if (taken.contains(address))
            continue;
        addresses_[vm] = address;
        return address;
    }
    return make_error(Code::busy, "every address of " + subnet_->text() + " is a VM's",
                      "delete VMs, or set a larger subnet under [plugin.net-tap]");
}

sdk::Result<void> Leases::write()
{
    std::string text = text_of(subnet_, addresses_);
    if (text == written_)
        return {};
    const os::OwnRights rights;
    auto wrote = os::write_file_atomic(file_, text);
    if (wrote)
        written_ = std::move(text);
    return wrote;
}

}  // namespace banger::tap
