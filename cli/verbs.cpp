// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "cli/verbs.hpp"

namespace banger::cli {
namespace {

template <typename T>
sdk::Result<Command> as_command(sdk::Result<T> parsed)
{
    if (!parsed)
        return std::move(parsed).error();
    return Command(std::move(*parsed));
}

template <typename T>
Verb verb(std::string_view path)
{
    return {path, &T::syntax, [](const Arguments& arguments) { return as_command(T::parse(arguments)); }};
}

template <typename T, Catalogue of>
Verb verb(std::string_view path)
{
    return {path, [] { return T::syntax(of); },
            [](const Arguments& arguments) { return as_command(T::parse(of, arguments)); }};
}

}  // namespace

const std::vector<Verb>& verbs()
{
    static const std::vector<Verb> table{
        verb<VmRun>("vm run"),
        verb<VmCreate>("vm create"),
        verb<VmStart>("vm start"),
        verb<VmStop>("vm stop"),
        verb<VmRestart>("vm restart"),
        verb<VmKill>("vm kill"),
        verb<VmSet>("vm set"),
        verb<VmDelete>("vm delete"),
        verb<VmPrune>("vm prune"),
        verb<VmList>("vm list"),
        verb<VmShow>("vm show"),
        verb<VmStats>("vm stats"),
        verb<VmHealth>("vm health"),
        verb<VmSsh>("vm ssh"),
        verb<VmExec>("vm exec"),
        verb<VmLogs>("vm logs"),
        verb<VmRecover>("vm recover"),
        verb<VmProxy>("vm proxy"),
        verb<CatalogueList, Catalogue::images>("image list"),
        verb<CatalogueShow, Catalogue::images>("image show"),
        verb<CataloguePull, Catalogue::images>("image pull"),
        verb<CatalogueDelete, Catalogue::images>("image delete"),
        verb<CatalogueList, Catalogue::kernels>("kernel list"),
        verb<CatalogueShow, Catalogue::kernels>("kernel show"),
        verb<CataloguePull, Catalogue::kernels>("kernel pull"),
        verb<CatalogueDelete, Catalogue::kernels>("kernel delete"),
        verb<PluginList>("plugin list"),
        verb<PluginShow>("plugin show"),
        verb<ConfigShow>("config show"),
        verb<ConfigGet>("config get"),
        verb<ConfigSet>("config set"),
        verb<ConfigValidate>("config validate"),
        verb<ConfigPath>("config path"),
        verb<DaemonStart>("daemon start"),
        verb<DaemonStop>("daemon stop"),
        verb<DaemonStatus>("daemon status"),
        verb<DaemonLogs>("daemon logs"),
        verb<Doctor>("doctor"),
        verb<Audit>("audit"),
        verb<Version>("version"),
    };
    return table;
}

const std::vector<Group>& groups()
{
    static const std::vector<Group> table{
        {"vm", "virtual machines"},
        {"image", "root file systems that machines are made from"},
        {"kernel", "kernels that machines boot"},
        {"plugin", "the providers behind machines, disks, networks and images"},
        {"config", "settings"},
        {"daemon", "the process that keeps the machines"},
    };
    return table;
}

}  // namespace banger::cli
