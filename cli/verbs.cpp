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
        verb<VmPorts>("vm ports"),
        verb<VmForward>("vm forward"),
        verb<VmSsh>("vm ssh"),
        verb<VmExec>("vm exec"),
        verb<VmSessionStart>("vm session start"),
        verb<VmSessionList>("vm session list"),
        verb<VmSessionShow>("vm session show"),
        verb<VmSessionLogs>("vm session logs"),
        verb<VmSessionAttach>("vm session attach"),
        verb<VmSessionSend>("vm session send"),
        verb<VmSessionStop>("vm session stop"),
        verb<VmSessionKill>("vm session kill"),
        verb<VmCp>("vm cp"),
        verb<WorkspacePrepare>("vm workspace prepare"),
        verb<WorkspaceExport>("vm workspace export"),
        verb<WorkspaceStatus>("vm workspace status"),
        verb<WorkspaceSync>("vm workspace sync"),
        verb<VmLogs>("vm logs"),
        verb<VmRecover>("vm recover"),
        verb<VmProxy>("vm proxy"),
        verb<VmHostKey>("vm host-key"),
        verb<CatalogueList, Catalogue::images>("image list"),
        verb<CatalogueShow, Catalogue::images>("image show"),
        verb<CataloguePull, Catalogue::images>("image pull"),
        verb<ImageImport>("image import"),
        verb<ImageRegister>("image register"),
        verb<ImageBuild>("image build"),
        verb<ImageBundle>("image bundle"),
        verb<ImagePublish>("image publish"),
        verb<CatalogueDelete, Catalogue::images>("image delete"),
        verb<ImageCachePrune>("image cache prune"),
        verb<CatalogueList, Catalogue::kernels>("kernel list"),
        verb<CatalogueShow, Catalogue::kernels>("kernel show"),
        verb<CataloguePull, Catalogue::kernels>("kernel pull"),
        verb<KernelImport>("kernel import"),
        verb<CatalogueDelete, Catalogue::kernels>("kernel delete"),
        verb<PluginList>("plugin list"),
        verb<PluginShow>("plugin show"),
        verb<DnsStatus>("dns status"),
        verb<DnsRoute>("dns route"),
        verb<SshConfig>("ssh-config"),
        verb<ConfigShow>("config show"),
        verb<ConfigGet>("config get"),
        verb<ConfigSet>("config set"),
        verb<ConfigValidate>("config validate"),
        verb<ConfigPath>("config path"),
        verb<DaemonStart>("daemon start"),
        verb<DaemonStop>("daemon stop"),
        verb<DaemonStatus>("daemon status"),
        verb<DaemonLogs>("daemon logs"),
        verb<SystemInstall>("system install"),
        verb<SystemStatus>("system status"),
        verb<SystemRestart>("system restart"),
        verb<SystemUninstall>("system uninstall"),
        verb<Doctor>("doctor"),
        verb<Audit>("audit"),
        verb<Version>("version"),
    };
    return table;
}

const std::vector<Group>& groups()
{
    static const std::vector<Group> table{
        {"vm",
         "virtual machines",
         {{"banger vm run --rm -- make test", "one command in a machine that is then deleted"},
          {"banger vm list", "the machines there are"},
          {"banger vm ssh web", "a shell in the machine 'web'"}}},
        {"vm session",
         "commands in machines that go on without us",
         {{"banger vm session start --name build web -- make", "a build that survives this terminal"},
          {"banger vm session attach web build", "what it has written, and what it writes; ctrl-p ctrl-q leaves it"},
          {"banger vm session list", "the sessions there are"}}},
        {"vm workspace",
         "directories of yours in machines",
         {{"banger vm workspace prepare web .", "the repository we are in, as a checkout there"},
          {"banger vm workspace export --apply web", "take over what changed there"}}},
        {"image",
         "root file systems that machines are made from",
         {{"banger image list", "what there is, and what is here already"},
          {"banger image pull debian-bookworm", "make it now and not with the first machine"}}},
        {"image cache",
         "what was downloaded to make images",
         {{"banger image cache prune --dry-run", "how much there is of it"}}},
        {"kernel",
         "kernels that machines boot",
         {{"banger kernel list", "what there is, and what is here already"},
          {"banger kernel show debian-cloud", "its version and size"}}},
        {"plugin",
         "the providers behind machines, disks, networks and images",
         {{"banger plugin list", "which can be used here, and which are picked"},
          {"banger plugin show vmm-qemu", "what one of them says of this host"}}},
        {"dns",
         "names of machines",
         {{"banger dns status", "where they are answered, and which there are"},
          {"banger dns route --print dnsmasq", "how another resolver comes to ask there"}}},
        {"config",
         "settings",
         {{"banger config show", "every setting, and where it comes from"},
          {"$EDITOR \"$(banger config path)\"", "change them"}}},
        {"daemon",
         "the process that keeps the machines",
         {{"banger daemon status", "whether it runs, and for how long"},
          {"banger daemon logs", "what it has to say"},
          {"banger daemon stop", "end it; machines go on, and the next command starts another"}}},
        {"system",
         "the root helper: disks on device-mapper, and taps",
         {{"sudo banger system install --owner ada", "set it up"},
          {"banger system status", "whether there is one, and what it holds"},
          {"sudo banger system uninstall", "remove it"}}},
    };
    return table;
}

}  // namespace banger::cli
