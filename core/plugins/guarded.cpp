// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/plugins/guarded.hpp"

#include <fcntl.h>

#include <mutex>
#include <string>
#include <vector>

#include "core/plugins/kinds.hpp"

namespace banger::plugins {
namespace {

namespace methods {
constexpr Method probe{"probe", &Deadlines::probe};
constexpr Method plan{"plan", &Deadlines::query, true};
constexpr Method attach{"attach", &Deadlines::change, true};
constexpr Method connect{"connect", &Deadlines::change, true};
constexpr Method release{"release", &Deadlines::change, true};
constexpr Method pause{"pause", &Deadlines::change, true};
constexpr Method resume{"resume", &Deadlines::change, true};
constexpr Method begin_save{"begin_save", &Deadlines::fetch, true};
constexpr Method finish_save{"finish_save", &Deadlines::fetch, true};
constexpr Method seal_save{"seal_save", &Deadlines::fetch, true};
constexpr Method restore{"restore", &Deadlines::fetch, true};
constexpr Method swap_disks{"swap_disks", &Deadlines::change, true};
constexpr Method commit{"commit", &Deadlines::change, true};
constexpr Method create{"create", &Deadlines::change, true};
constexpr Method destroy{"destroy", &Deadlines::change, true};
constexpr Method inspect{"inspect", &Deadlines::query};
constexpr Method list{"list", &Deadlines::query};
constexpr Method kill{"kill", &Deadlines::query};
constexpr Method open_channel{"open_channel", &Deadlines::apply};
constexpr Method fetch{"fetch", &Deadlines::fetch};
constexpr Method publish{"publish", &Deadlines::query};
constexpr Method withdraw{"withdraw", &Deadlines::query};
constexpr Method route{"route", &Deadlines::query};
constexpr Method unroute{"unroute", &Deadlines::query};
constexpr Method routed{"routed", &Deadlines::query};
constexpr Method gather{"gather", &Deadlines::apply};
constexpr Method apply{"apply", &Deadlines::apply, true};
}  // namespace methods

using Handles = std::vector<sdk::Handle>;

template <typename Interface>
class Guarded : public Interface {
public:
    Guarded(std::shared_ptr<Interface> real, Guard guard) : real_(std::move(real)), guard_(std::move(guard)) {}
    Guarded(const Guarded&) = delete;
    Guarded& operator=(const Guarded&) = delete;
    ~Guarded() override
    {
        // A shared pointer to the pointer: the last reference must go on the thread of the call, not here.
        guard_.retire([last = std::make_shared<std::shared_ptr<Interface>>(std::move(real_))] { last->reset(); });
    }

    sdk::Result<sdk::Probe> probe(sdk::Call& call) override
    {
        return ask<sdk::Probe>(methods::probe, &call, [](Interface& real, sdk::Call& own) { return real.probe(own); });
    }

protected:
    // The body owns all that it touches: it may run on after the caller has gone.
    template <typename T, typename Body>
    sdk::Result<T> ask(const Method& method, sdk::Call* call, Body body)
    {
        return guard_.call<T>(method, call,
                              [real = real_, body = std::move(body)](sdk::Call& own) { return body(*real, own); });
    }

private:
    std::shared_ptr<Interface> real_;
    Guard guard_;
};

// What the interfaces of journalled resources have in common: plugins::Resources.
template <typename Interface>
class GuardedResource : public Guarded<Interface> {
public:
    using Guarded<Interface>::Guarded;

    sdk::Result<void> release(const sdk::Handle& handle) override
    {
        return this->template ask<void>(methods::release, nullptr,
                                        [handle](Interface& real, sdk::Call&) { return real.release(handle); });
    }
    sdk::Result<sdk::Inspection> inspect(const sdk::Handle& handle) override
    {
        return this->template ask<sdk::Inspection>(
            methods::inspect, nullptr, [handle](Interface& real, sdk::Call&) { return real.inspect(handle); });
    }
    sdk::Result<Handles> list() override
    {
        return this->template ask<Handles>(methods::list, nullptr,
                                           [](Interface& real, sdk::Call&) { return real.list(); });
    }

protected:
    template <typename Spec>
    sdk::Result<Handles> ask_plan(const Spec& spec)
    {
        return this->template ask<Handles>(methods::plan, nullptr,
                                           [spec](Interface& real, sdk::Call&) { return real.plan(spec); });
    }
    template <typename T, typename Spec>
    sdk::Result<sdk::Attached<T>> ask_attach(const Spec& spec, sdk::Call& call)
    {
        return this->template ask<sdk::Attached<T>>(
            methods::attach, &call, [spec](Interface& real, sdk::Call& own) { return real.attach(spec, own); });
    }
};

class GuardedVmm final : public GuardedResource<sdk::Vmm> {
public:
    using GuardedResource::GuardedResource;
    sdk::Result<Handles> plan(const sdk::BootSpec& spec) override { return ask_plan(spec); }
    sdk::Result<sdk::Attached<sdk::Machine>> attach(const sdk::BootSpec& spec, sdk::Call& call) override
    {
        return ask_attach<sdk::Machine>(spec, call);
    }
    sdk::Result<void> kill(const sdk::Handle& handle, int signal) override
    {
        return ask<void>(methods::kill, nullptr,
                         [handle, signal](sdk::Vmm& real, sdk::Call&) { return real.kill(handle, signal); });
    }
    sdk::Result<sdk::os::UniqueFd> open_channel(const sdk::Handle& handle, sdk::Call& call) override
    {
        return ask<sdk::os::UniqueFd>(
            methods::open_channel, &call,
            [handle](sdk::Vmm& real, sdk::Call& own) { return real.open_channel(handle, own); });
    }
};

class GuardedVmmSnapshot final : public Guarded<sdk::VmmSnapshot> {
public:
    using Guarded::Guarded;
    sdk::Result<void> pause(const sdk::Handle& machine) override
    {
        return ask<void>(methods::pause, nullptr,
                         [machine](sdk::VmmSnapshot& real, sdk::Call&) { return real.pause(machine); });
    }
    sdk::Result<void> resume(const sdk::Handle& machine) override
    {
        return ask<void>(methods::resume, nullptr,
                         [machine](sdk::VmmSnapshot& real, sdk::Call&) { return real.resume(machine); });
    }
    sdk::Result<void> begin_save(const sdk::Handle& machine, const sdk::SaveSpec& save, sdk::Call& call) override
    {
        return ask<void>(methods::begin_save, &call, [machine, save](sdk::VmmSnapshot& real, sdk::Call& own) {
            return real.begin_save(machine, save, own);
        });
    }
    sdk::Result<void> finish_save(const sdk::Handle& machine, const sdk::SaveSpec& save, sdk::Call& call) override
    {
        return ask<void>(methods::finish_save, &call, [machine, save](sdk::VmmSnapshot& real, sdk::Call& own) {
            return real.finish_save(machine, save, own);
        });
    }
    sdk::Result<void> seal_save(const sdk::SaveSpec& save, sdk::Call& call) override
    {
        return ask<void>(methods::seal_save, &call,
                         [save](sdk::VmmSnapshot& real, sdk::Call& own) { return real.seal_save(save, own); });
    }
    sdk::Result<sdk::Attached<sdk::Machine>> restore(const sdk::RestoreSpec& spec, sdk::Call& call) override
    {
        return ask<sdk::Attached<sdk::Machine>>(
            methods::restore, &call,
            [spec](sdk::VmmSnapshot& real, sdk::Call& own) { return real.restore(spec, own); });
    }
    sdk::Result<void> swap_disks(const sdk::Handle& machine, const std::vector<sdk::Disk>& disks) override
    {
        return ask<void>(methods::swap_disks, nullptr, [machine, disks](sdk::VmmSnapshot& real, sdk::Call&) {
            return real.swap_disks(machine, disks);
        });
    }
};

class GuardedNetwork final : public GuardedResource<sdk::Network> {
public:
    using GuardedResource::GuardedResource;
    sdk::Result<Handles> plan(const sdk::LinkSpec& spec) override { return ask_plan(spec); }
    sdk::Result<sdk::Attached<sdk::Link>> attach(const sdk::LinkSpec& spec, sdk::Call& call) override
    {
        return ask_attach<sdk::Link>(spec, call);
    }
    sdk::Result<void> connect(const sdk::Handle& handle, sdk::Call& call) override
    {
        return ask<void>(methods::connect, &call,
                         [handle](sdk::Network& real, sdk::Call& own) { return real.connect(handle, own); });
    }
};

class GuardedStorage final : public GuardedResource<sdk::Storage> {
public:
    using GuardedResource::GuardedResource;
    sdk::Result<void> create(const sdk::DiskSpec& spec, sdk::Call& call) override
    {
        return ask<void>(methods::create, &call,
                         [spec](sdk::Storage& real, sdk::Call& own) { return real.create(spec, own); });
    }
    sdk::Result<Handles> plan(const sdk::DiskSpec& spec) override { return ask_plan(spec); }
    sdk::Result<sdk::Attached<sdk::Disk>> attach(const sdk::DiskSpec& spec, sdk::Call& call) override
    {
        return ask_attach<sdk::Disk>(spec, call);
    }
    sdk::Result<void> destroy(const sdk::Owner& owner, const std::string& role) override
    {
        return ask<void>(methods::destroy, nullptr,
                         [owner, role](sdk::Storage& real, sdk::Call&) { return real.destroy(owner, role); });
    }
};

class GuardedStorageFork final : public GuardedResource<sdk::StorageFork> {
public:
    using GuardedResource::GuardedResource;
    sdk::Result<Handles> plan(const sdk::FreezeSpec& spec) override { return ask_plan(spec); }
    sdk::Result<sdk::Attached<sdk::Freeze>> attach(const sdk::FreezeSpec& spec, sdk::Call& call) override
    {
        return ask_attach<sdk::Freeze>(spec, call);
    }
    sdk::Result<sdk::Layer> commit(const sdk::Handle& handle) override
    {
        return ask<sdk::Layer>(methods::commit, nullptr,
                               [handle](sdk::StorageFork& real, sdk::Call&) { return real.commit(handle); });
    }
    sdk::Result<void> destroy(const sdk::Layer& layer) override
    {
        return ask<void>(methods::destroy, nullptr,
                         [layer](sdk::StorageFork& real, sdk::Call&) { return real.destroy(layer); });
    }
};

class GuardedImageSource final : public Guarded<sdk::ImageSource> {
public:
    using Guarded::Guarded;
    sdk::Result<sdk::ImageStream> fetch(const sdk::ImageRequest& request, sdk::Call& call) override
    {
        // A descriptor of our own: the caller closes his when he gives up, and the number may soon be another file.
        const auto output = std::make_shared<sdk::os::UniqueFd>(::fcntl(request.output, F_DUPFD_CLOEXEC, 0));
        if (!*output)
            return sdk::os_error("duplicate the image's output");
        sdk::ImageRequest ours = request;
        ours.output = output->get();
        return ask<sdk::ImageStream>(methods::fetch, &call, [ours, output](sdk::ImageSource& real, sdk::Call& own) {
            return real.fetch(ours, own);
        });
    }
};

class GuardedKernelSource final : public Guarded<sdk::KernelSource> {
public:
    using Guarded::Guarded;
    sdk::Result<sdk::KernelBundle> fetch(const sdk::KernelRequest& request, sdk::Call& call) override
    {
        return ask<sdk::KernelBundle>(methods::fetch, &call, [request](sdk::KernelSource& real, sdk::Call& own) {
            return real.fetch(request, own);
        });
    }
};

class GuardedDns final : public Guarded<sdk::Dns> {
public:
    using Guarded::Guarded;
    sdk::Result<void> publish(const sdk::DnsRecord& record) override
    {
        return ask<void>(methods::publish, nullptr,
                         [record](sdk::Dns& real, sdk::Call&) { return real.publish(record); });
    }
    sdk::Result<void> withdraw(const std::string& name) override
    {
        return ask<void>(methods::withdraw, nullptr,
                         [name](sdk::Dns& real, sdk::Call&) { return real.withdraw(name); });
    }
    sdk::Result<std::vector<sdk::DnsRecord>> list() override
    {
        return ask<std::vector<sdk::DnsRecord>>(methods::list, nullptr,
                                                [](sdk::Dns& real, sdk::Call&) { return real.list(); });
    }
};

class GuardedNetworkNames final : public Guarded<sdk::NetworkNames> {
public:
    using Guarded::Guarded;
    sdk::Result<void> route(const sdk::NameServer& server, sdk::Call& call) override
    {
        return ask<void>(methods::route, &call,
                         [server](sdk::NetworkNames& real, sdk::Call& own) { return real.route(server, own); });
    }
    sdk::Result<void> unroute() override
    {
        return ask<void>(methods::unroute, nullptr, [](sdk::NetworkNames& real, sdk::Call&) { return real.unroute(); });
    }
    sdk::Result<std::vector<sdk::NameServer>> routed() override
    {
        return ask<std::vector<sdk::NameServer>>(methods::routed, nullptr,
                                                 [](sdk::NetworkNames& real, sdk::Call&) { return real.routed(); });
    }
};

// Stands between a provisioner and a guest that is only there while its caller waits.
class GuestRelay final : public sdk::GuestAccess {
public:
    explicit GuestRelay(sdk::GuestAccess& guest) : guest_(&guest) {}

    sdk::Result<sdk::GuestOutput> run(const sdk::GuestCommand& command) override
    {
        const std::lock_guard held(mutex_);
        if (guest_ == nullptr)
            return gone();
        return guest_->run(command);
    }
    sdk::Result<void> write(const sdk::GuestFile& file) override
    {
        const std::lock_guard held(mutex_);
        if (guest_ == nullptr)
            return gone();
        return guest_->write(file);
    }
    sdk::Result<void> put(const std::vector<sdk::GuestEntry>& entries) override
    {
        const std::lock_guard held(mutex_);
        if (guest_ == nullptr)
            return gone();
        return guest_->put(entries);
    }
    sdk::Result<std::string> read(const std::string& path, std::size_t most) override
    {
        const std::lock_guard held(mutex_);
        if (guest_ == nullptr)
            return gone();
        return guest_->read(path, most);
    }
    // Waits for what banger itself does in the guest right now, which has bounds of its own.
    void cut()
    {
        const std::lock_guard held(mutex_);
        guest_ = nullptr;
    }

private:
    static sdk::Error gone()
    {
        return sdk::make_error(sdk::Code::cancelled, "nobody waits for this provisioner any more");
    }

    std::mutex mutex_;
    sdk::GuestAccess* guest_;
};

class GuardedProvisioner final : public Guarded<sdk::Provisioner> {
public:
    using Guarded::Guarded;
    sdk::Result<sdk::Fields> gather(const sdk::ProvisionRequest& request, sdk::Call& call) override
    {
        return ask<sdk::Fields>(methods::gather, &call, [request](sdk::Provisioner& real, sdk::Call& own) {
            return real.gather(request, own);
        });
    }
    sdk::Result<void> apply(const sdk::ProvisionRequest& request, sdk::GuestAccess& guest, sdk::Call& call) override
    {
        const auto relay = std::make_shared<GuestRelay>(guest);
        auto applied = ask<void>(methods::apply, &call, [request, relay](sdk::Provisioner& real, sdk::Call& own) {
            return real.apply(request, *relay, own);
        });
        relay->cut();
        return applied;
    }
};

using Made = sdk::Result<std::unique_ptr<sdk::Provider>>;

template <typename Proxy, typename Interface>
Made wrap(const std::shared_ptr<sdk::Provider>& provider, Guard guard)
{
    auto real = std::dynamic_pointer_cast<Interface>(provider);
    if (!real)
        return sdk::make_error(sdk::Code::plugin,
                               "what its factory made is no " + std::string(kind_of<Interface>) + " provider");
    return std::unique_ptr<sdk::Provider>(std::make_unique<Proxy>(std::move(real), std::move(guard)));
}

}  // namespace

Made guarded(std::string_view kind, std::shared_ptr<sdk::Provider> provider, Guard guard)
{
    if (kind == kind_of<sdk::Vmm>)
        return wrap<GuardedVmm, sdk::Vmm>(provider, std::move(guard));
    if (kind == kind_of<sdk::VmmSnapshot>)
        return wrap<GuardedVmmSnapshot, sdk::VmmSnapshot>(provider, std::move(guard));
    if (kind == kind_of<sdk::Network>)
        return wrap<GuardedNetwork, sdk::Network>(provider, std::move(guard));
    if (kind == kind_of<sdk::NetworkNames>)
        return wrap<GuardedNetworkNames, sdk::NetworkNames>(provider, std::move(guard));
    if (kind == kind_of<sdk::Storage>)
        return wrap<GuardedStorage, sdk::Storage>(provider, std::move(guard));
    if (kind == kind_of<sdk::StorageFork>)
        return wrap<GuardedStorageFork, sdk::StorageFork>(provider, std::move(guard));
    if (kind == kind_of<sdk::ImageSource>)
        return wrap<GuardedImageSource, sdk::ImageSource>(provider, std::move(guard));
    if (kind == kind_of<sdk::KernelSource>)
        return wrap<GuardedKernelSource, sdk::KernelSource>(provider, std::move(guard));
    if (kind == kind_of<sdk::Dns>)
        return wrap<GuardedDns, sdk::Dns>(provider, std::move(guard));
    if (kind == kind_of<sdk::Provisioner>)
        return wrap<GuardedProvisioner, sdk::Provisioner>(provider, std::move(guard));
    return sdk::make_error(sdk::Code::unsupported, "this banger knows no providers of kind " + std::string(kind));
}

}  // namespace banger::plugins
