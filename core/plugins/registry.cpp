// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/plugins/registry.hpp"

#include <algorithm>
#include <mutex>
#include <set>

#include "core/base/nearest.hpp"
#include "core/plugins/discover.hpp"
#include "core/plugins/guarded.hpp"
#include "core/plugins/library.hpp"
#include "core/plugins/plugin_config.hpp"

namespace banger::plugins {

using Provider = std::shared_ptr<sdk::Provider>;

namespace {

sdk::Error nobodys(const std::string& id, const config::PluginSection& section, const std::vector<std::string>& known)
{
    const auto where = section.where.find("");
    return sdk::make_error(
        sdk::Code::invalid,
        (where == section.where.end() ? "" : where->second + ": ") + "there is no plugin '" + id + "' to configure",
        base::suggestion(id, known));
}

}  // namespace

std::string_view to_string(PluginState state)
{
    switch (state) {
        case PluginState::found: return "found";
        case PluginState::loaded: return "loaded";
        case PluginState::broken: return "broken";
        case PluginState::disabled: return "disabled";
        case PluginState::quarantined: return "quarantined";
    }
    return "found";
}

// One plugin from being found to being used.
class Registry::Entry {
public:
    Entry(Found found, const Settings& settings, const CrashRecord& crashes, std::shared_ptr<CallThreads> threads,
          std::shared_ptr<InFlight> in_flight)
        : found_(std::move(found)), id_(found_.sidecar ? found_.sidecar->id : file_name_of(found_)), crashes_(crashes)
    {
        plugin_ = std::make_shared<Guard::Plugin>(id_, settings.deadlines, std::move(threads), std::move(in_flight));
        host_ = std::make_shared<PluginHost>(PluginHost::Settings{
            id_, settings.instance, settings.cache_directory + "/" + id_, settings.vms_directory, settings.log, settings.user,
            settings.jails});
        if (found_.sidecar && found_.sidecar->needs_root)
            stand_in_ = settings.stand_in;
        if (found_.problem || !found_.sidecar)
            return;
        if (const auto crash = crashes_.find(id_, found_.path); crash && crash->disables()) {
            problem_ = disabled_error(*crash, crashes_.file_of(id_));
            disabled_ = true;
        }
        const auto section = settings.config.find(id_);
        auto config = complete_config(*found_.sidecar,
                                      section == settings.config.end() ? config::PluginSection{} : section->second);
        if (config)
            config_ = std::move(*config);
        else if (!problem_)
            problem_ = std::move(config).error();
    }

    [[nodiscard]] sdk::Result<void> check_config(const config::PluginSection& section) const
    {
        if (!found_.sidecar)
            return {};  // nobody knows what it would take
        auto config = complete_config(*found_.sidecar, section);
        return config ? sdk::Result<void>() : std::move(config).error();
    }

    [[nodiscard]] const std::string& id() const { return id_; }
    [[nodiscard]] bool is_disabled() const { return disabled_; }

    [[nodiscard]] bool offers(const CapabilityName& wanted) const
    {
        const auto offered = capabilities();
        return std::find(offered.begin(), offered.end(), wanted) != offered.end();
    }
    [[nodiscard]] std::vector<CapabilityName> capabilities() const
    {
        return found_.sidecar ? found_.sidecar->capabilities : std::vector<CapabilityName>{};
    }
    // Why it cannot be used, as far as is known.
    [[nodiscard]] std::optional<sdk::Error> problem() const
    {
        if (found_.problem)
            return found_.problem;
        if (auto hung = *plugin_->quarantine.lock())
            return hung;
        const std::lock_guard held(mutex_);
        return problem_;
    }

    [[nodiscard]] PluginStatus status() const
    {
        PluginStatus status;
        status.id = id_;
        status.path = found_.path;
        status.capabilities = capabilities();
        if (found_.sidecar) {
            status.version = found_.sidecar->version;
            status.config_schema = found_.sidecar->config_schema;
        }
        status.config = config_;
        status.problem = problem();
        if (disabled_)
            status.state = PluginState::disabled;
        else if (plugin_->quarantine.lock()->has_value())
            status.state = PluginState::quarantined;
        else if (status.problem)
            status.state = PluginState::broken;
        else if (is_loaded())
            status.state = PluginState::loaded;
        return status;
    }

    sdk::Result<Provider> provider(const CapabilityName& wanted, sdk::Call* call)
    {
        const std::lock_guard making(making_);  // a second caller waits for the first, as long as that may take
        if (auto refused = problem())
            return std::move(*refused);
        if (const auto made = providers_.find(wanted); made != providers_.end())
            return made->second;
        if (!library_ && !stand_in_)
            if (auto loaded = load(); !loaded)
                return std::move(loaded).error();
        auto made = make(wanted, call);
        if (made)
            providers_.emplace(wanted, *made);
        return made;
    }

    void survived() const
    {
        if (is_loaded() && !disabled_)
            (void)crashes_.forget(id_);
    }

private:
    static std::string file_name_of(const Found& found)
    {
        const auto slash = found.path.rfind('/');
        const auto name = found.path.substr(slash + 1);
        return name.substr(0, name.find('.'));
    }

    [[nodiscard]] bool is_loaded() const
    {
        const std::lock_guard held(mutex_);
        return library_.has_value();
    }

    // A library that cannot be loaded stays so: the dynamic linker would only say the same again.
    sdk::Result<void> load()
    {
        static constexpr Method loading{"load", &Deadlines::open};
        auto library =
            Guard(plugin_, id_)
                .call<Library>(loading, nullptr, [path = found_.path, sidecar = *found_.sidecar](sdk::Call&) {
                    return Library::load(path, sidecar);
                });
        const std::lock_guard held(mutex_);
        if (!library) {
            problem_ = library.error();
            return std::move(library).error();
        }
        library_ = std::move(*library);
        return {};
    }

    [[nodiscard]] std::function<sdk::Result<std::unique_ptr<sdk::Provider>>()> factory(const CapabilityName& wanted) const
    {
        if (stand_in_)
            return [make = stand_in_, wanted] { return make(wanted); };
        return [create = library_->factory(wanted), host = host_, config = config_] { return create(*host, config.c_str()); };
    }

    // A factory that fails is asked again next time: the reason may have gone.
    sdk::Result<Provider> make(const CapabilityName& wanted, sdk::Call* call)
    {
        static constexpr Method making{"make", &Deadlines::open};
        const Guard guard(plugin_, wanted.kind + " " + wanted.name);
        auto made = guard.call<Provider>(
            making, call,
            [create = factory(wanted), host = host_, id = id_](sdk::Call&) -> sdk::Result<Provider> {
                auto object = create();
                if (!object)
                    return std::move(object).error();
                if (*object == nullptr)
                    return sdk::make_error(sdk::Code::plugin, "plugin '" + id + "' made nothing and said no reason");
                // The plugin may use its host until its last object is gone.
                return Provider(object->release(), [host](sdk::Provider* provider) { delete provider; });
            });
        if (!made)
            return std::move(made).error().while_doing("make " + noun_of(wanted.kind) + " '" + wanted.name + "'");
        auto behind_guard = guarded(wanted.kind, std::move(*made), guard);
        if (!behind_guard)
            return std::move(behind_guard).error().while_doing("use plugin '" + id_ + "'");
        return Provider(std::move(*behind_guard));
    }

    const Found found_;
    const std::string id_;
    const CrashRecord& crashes_;
    std::shared_ptr<Guard::Plugin> plugin_;
    std::shared_ptr<PluginHost> host_;
    StandIn stand_in_;
    std::string config_;
    bool disabled_ = false;
    std::mutex making_;         // taken before mutex_
    mutable std::mutex mutex_;  // of problem_ and library_; never held across a call
    std::optional<sdk::Error> problem_;
    std::optional<Library> library_;
    std::map<CapabilityName, Provider> providers_;
};

Registry::Registry(Settings settings) : settings_(std::move(settings)), crashes_(settings_.crash_directory) {}

sdk::Result<std::unique_ptr<Registry>> Registry::open(Settings settings)
{
    std::unique_ptr<Registry> registry(new Registry(std::move(settings)));
    std::shared_ptr<InFlight> in_flight;
    if (const auto& file = registry->settings_.in_flight_file; !file.empty()) {
        auto opened = InFlight::open(file);
        if (!opened)
            return std::move(opened).error().while_doing("open the plugin registry");
        in_flight = std::move(opened->record);
        registry->note_crashes(opened->crashes);
    }
    registry->look(std::move(in_flight));
    return registry;
}

Registry::~Registry()
{
    for (const auto& entry : entries_)
        entry->survived();
}

void Registry::note_crashes(const std::vector<Crash>& crashes)
{
    for (const auto& crash : crashes)
        if (auto noted = crashes_.note(crash); !noted)
            complaints_.push_back(
                std::move(noted).error().while_doing("note a crash of plugin '" + crash.plugin + "'"));
}

void Registry::look(std::shared_ptr<InFlight> in_flight)
{
    const auto threads = std::make_shared<CallThreads>();
    for (auto& found : discover(settings_.directories)) {
        entries_.push_back(std::make_unique<Entry>(std::move(found), settings_, crashes_, threads, in_flight));
        if (entries_.back()->is_disabled())
            complaints_.push_back(*entries_.back()->problem());
    }
}

std::vector<sdk::Error> Registry::check_config(const std::map<std::string, config::PluginSection>& sections) const
{
    std::vector<sdk::Error> problems;
    std::vector<std::string> ids;
    for (const auto& entry : entries_)
        ids.push_back(entry->id());
    for (const auto& [id, section] : sections) {
        const auto entry = std::find_if(entries_.begin(), entries_.end(), [&](const auto& e) { return e->id() == id; });
        if (entry == entries_.end())
            problems.push_back(nobodys(id, section, ids));
        else if (auto checked = (*entry)->check_config(section); !checked)
            problems.push_back(std::move(checked).error());
    }
    return problems;
}

sdk::Result<Registry::Entry*> Registry::find(const CapabilityName& wanted) const
{
    // One that can be used before one that cannot, such as a duplicate of it.
    Entry* unusable = nullptr;
    for (const auto& entry : entries_) {
        if (!entry->offers(wanted))
            continue;
        if (!entry->problem())
            return entry.get();
        if (unusable == nullptr)
            unusable = entry.get();
    }
    if (unusable != nullptr) {
        auto problem = *unusable->problem();
        problem.during.push_back("look for " + noun_of(wanted.kind) + " '" + wanted.name + "'");
        return problem;
    }
    const auto known = offered(wanted.kind, Which::all);  // a broken one may be what was meant
    return sdk::make_error(
        sdk::Code::not_found, "there is no " + noun_of(wanted.kind) + " '" + wanted.name + "'",
        known.empty() ? "no plugin offers one: see `banger plugin list`" : base::suggestion(wanted.name, known));
}

sdk::Result<Provider> Registry::provider(const std::string& kind, const std::string& name, sdk::Call* call)
{
    const CapabilityName wanted{kind, name};
    auto entry = find(wanted);
    if (!entry)
        return std::move(entry).error();
    return (*entry)->provider(wanted, call);
}

sdk::Result<sdk::Probe> Registry::probe(const std::string& kind, const std::string& name, sdk::Call& call)
{
    const CapabilityName wanted{kind, name};
    {
        const auto known = probes_.lock();
        if (const auto found = known->find(wanted); found != known->end())
            return found->second;
    }
    auto use = provider(kind, name, &call);
    if (!use)
        return std::move(use).error();
    auto probe = (*use)->probe(call);
    // A host that cannot do it, or not all of it, may soon be able to: somebody installs what was missing.
    if (probe && probe->usable && probe->hint.empty())
        probes_.lock()->insert_or_assign(wanted, *probe);
    return probe;
}

sdk::Result<Choice> Registry::choose(const std::string& kind, const std::string& wanted, sdk::Call& call)
{
    if (wanted != "auto") {
        auto answer = probe(kind, wanted, call);
        if (!answer)
            return std::move(answer).error();
        if (!answer->usable)
            return sdk::make_error(sdk::Code::unsupported,
                                   noun_of(kind) + " '" + wanted + "' cannot be used here: " + answer->reason,
                                   answer->hint);
        return Choice{wanted, false, std::move(*answer), {}};
    }
    Choice choice;
    std::string reasons;
    std::string hint;
    for (const auto& name : auto_order(kind, names(kind))) {
        auto answer = probe(kind, name, call);
        if (answer && answer->usable) {
            choice.name = name;
            choice.automatic = true;
            choice.probe = std::move(*answer);
            return choice;
        }
        if (!answer && answer.error().code == sdk::Code::cancelled)
            return std::move(answer).error();
        const auto reason = answer ? answer->reason : answer.error().message;
        const auto advice = answer ? answer->hint : answer.error().hint;
        if (!advice.empty())
            hint += (hint.empty() ? "" : "; or ") + advice;
        reasons += (reasons.empty() ? "" : "; ") + name + ": " + reason;
        choice.rejected.push_back({name, reason, advice});
    }
    // Plugins that offer it and cannot be asked, such as for a misspelt setting.
    const auto broken = offered(kind, Which::unusable);
    if (reasons.empty() && broken.size() == 1)
        return find({kind, broken.front()}).error();
    for (const auto& name : broken) {
        const auto problem = find({kind, name}).error();
        if (hint.empty())
            hint = problem.hint;
        reasons += (reasons.empty() ? "" : "; ") + name + ": " + problem.message;
    }
    if (reasons.empty())
        return sdk::make_error(sdk::Code::unsupported, "there is no " + noun_of(kind) + " provider",
                               "see `banger plugin list`");
    return sdk::make_error(sdk::Code::unsupported, "no " + noun_of(kind) + " can be used here: " + reasons, hint);
}

sdk::Result<std::vector<Choice>> Registry::candidates(const std::string& kind, const std::string& wanted,
                                                      sdk::Call& call)
{
    auto first = choose(kind, wanted, call);
    if (!first)
        return std::move(first).error();
    std::vector<Choice> found{std::move(*first)};
    if (!found.front().automatic)
        return found;
    const auto order = auto_order(kind, names(kind));
    for (auto name = std::find(order.begin(), order.end(), found.front().name) + 1; name != order.end(); ++name) {
        auto answer = probe(kind, *name, call);
        if (!answer && answer.error().code == sdk::Code::cancelled)
            return std::move(answer).error();
        if (answer && answer->usable)
            found.push_back({*name, true, std::move(*answer), {}});
    }
    return found;
}

std::vector<std::string> Registry::names(std::string_view kind) const
{
    return offered(kind, Which::usable);
}

std::vector<std::string> Registry::offered(std::string_view kind, Which which) const
{
    std::set<std::string> usable;
    std::set<std::string> broken;
    for (const auto& entry : entries_)
        for (const auto& capability : entry->capabilities())
            if (capability.kind == kind)
                (entry->problem() ? broken : usable).insert(capability.name);
    // A broken duplicate of one that works is no loss.
    for (const auto& name : usable)
        broken.erase(name);
    if (which == Which::unusable)
        return {broken.begin(), broken.end()};
    if (which == Which::all)
        usable.merge(broken);
    return {usable.begin(), usable.end()};
}

std::vector<PluginStatus> Registry::list() const
{
    std::vector<PluginStatus> all;
    for (const auto& entry : entries_)
        all.push_back(entry->status());
    return all;
}

sdk::Result<PluginStatus> Registry::show(const std::string& id) const
{
    std::vector<std::string> ids;
    for (const auto& entry : entries_) {
        if (entry->id() == id)
            return entry->status();
        ids.push_back(entry->id());
    }
    return sdk::make_error(sdk::Code::not_found, "there is no plugin '" + id + "'", base::suggestion(id, ids));
}

}  // namespace banger::plugins
