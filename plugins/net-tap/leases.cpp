// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "leases.hpp"

#include <fcntl.h>

#include <cstdio>
#include <set>
#include <sstream>
#include <utility>

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
    text_.clear();
    subnet_.reset();
    addresses_.clear();
    std::istringstream lines{std::string(text)};
    std::string line;
    if (!std::getline(lines, line))
        return;
    if (auto subnet = Subnet::parse(line))
        use(*subnet);
    while (subnet_ && std::getline(lines, line) && !lines.eof()) {
        const auto blank = line.find(' ');
        const auto address = blank == std::string::npos ? std::nullopt : address_from_string(line.substr(blank + 1));
        if (address && subnet_->contains(*address))
            add(line.substr(0, blank), *address);
    }
}

void Leases::add(const std::string& vm, Address address)
{
    addresses_[vm] = address;
    text_ += vm + " " + to_string(address) + "\n";
}

std::optional<Address> Leases::of(const std::string& vm) const
{
    const auto found = addresses_.find(vm);
    return found == addresses_.end() ? std::nullopt : std::optional(found->second);
}

void Leases::use(const Subnet& subnet)
{
    if (subnet_ == subnet)
        return;
    subnet_ = subnet;
    addresses_.clear();
    text_ = subnet.text() + "\n";
}

void Leases::forget_the_gone()
{
    auto known = std::exchange(addresses_, {});
    text_ = subnet_->text() + "\n";
    for (const auto& [vm, address] : known)
        if (os::exists(vms_directory_ + "/" + vm))
            add(vm, address);
}

sdk::Result<Address> Leases::take(const std::string& vm, const std::set<Address>& of_others)
{
    if (const auto address = of(vm); address && !of_others.contains(*address))
        return *address;
    if (!subnet_)
        return make_error(Code::internal, "no subnet was chosen");
    const auto all_taken = [&] {
        std::set<Address> all = of_others;
        for (const auto& [other, address] : addresses_)
            all.insert(address);
        return all;
    };
    const std::uint32_t guests = subnet_->guests();
    const auto choice = [&](std::uint32_t i) { return subnet_->first_guest() + (hash_of(vm) + i) % guests; };
    auto taken = all_taken();
    if (taken.contains(choice(0)) || taken.size() >= guests) {
        forget_the_gone();
        taken = all_taken();
    }
    for (std::uint32_t i = 0; i < guests && taken.size() < guests; ++i) {
        if (taken.contains(choice(i)))
            continue;
        add(vm, choice(i));
        return choice(i);
    }
    return make_error(Code::busy, "every address of " + subnet_->text() + " is a VM's",
                      "delete VMs, or set a larger subnet under [plugin.net-tap]");
}

sdk::Result<void> Leases::write()
{
    if (text_ == written_)
        return {};
    const os::OwnRights rights;
    // Nobody waits for the disk: a power cut ends all VMs, and another address at the next start is no loss.
    const bool is_longer = !written_.empty() && text_.starts_with(written_);
    auto wrote = is_longer ? append(std::string_view(text_).substr(written_.size())) : replace();
    written_ = wrote ? text_ : "";  // half a line, maybe, behind which nothing may stand
    return wrote;
}

// Which takes a fraction of the time of another file, and a start waits for it.
sdk::Result<void> Leases::append(std::string_view lines)
{
    auto file = os::open_file(file_, O_WRONLY | O_APPEND | O_NOFOLLOW);
    return file ? os::write_all(file->get(), lines) : std::move(file).error();
}

sdk::Result<void> Leases::replace()
{
    const std::string made = file_ + ".new";
    auto file = os::open_file(made, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW);
    if (!file)
        return std::move(file).error();
    if (auto wrote = os::write_all(file->get(), text_); !wrote)
        return wrote;
    return ::rename(made.c_str(), file_.c_str()) == 0 ? sdk::Result<void>() : sdk::os_error("write " + file_);
}

}  // namespace banger::tap
