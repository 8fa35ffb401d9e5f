// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "banger/sdk/kernel_source.hpp"
#include "core/images/catalogue.hpp"

namespace banger::images {

/// A kernel in the store: a directory `<kernels>/<id>/` with vmlinux, modules.ext4 (read-only, no journal; its root
/// holds
/// `<version>/…`), `modules/` (only what an initramfs may need, see guest::build_initramfs), config and kernel.json.
struct Kernel {
    std::string id;  ///< 16 hex digits of the digest of the recipe
    std::string name;
    std::string version;            ///< as uname -r prints it
    std::string vmlinux;            ///< absolute path
    std::string modules_disk;       ///< absolute path of modules.ext4; empty if the kernel has none
    std::string modules_directory;  ///< absolute path; holds `<version>/modules.dep`
    std::string configuration;      ///< absolute path of its .config; empty: nobody knows it
    std::string command_line;
    std::int64_t created = 0;
    std::uint64_t bytes = 0;
    sdk::Fields facts;    ///< pvh (true: it can be booted as an ELF by a VMM that knows PVH), package, ...
    std::string problem;  ///< from list() only: why it cannot be used; then only `id` and `bytes` are known
};

/// A kernel in files of this host: absolute paths.
struct KernelFiles {
    std::string name;           ///< what to call it; the catalogue has no kernel of that name
    std::string kernel;         ///< a vmlinux, the bzImage that distributions call vmlinuz, or a kernel's bundle
    std::string modules = {};   ///< the directory of its modules, as below /lib/modules; empty: it needs none
    std::string configuration = {};  ///< its .config; empty: it is in the kernel itself (CONFIG_IKCONFIG), or beside it
    std::string command_line = {};
};

using FindKernelSource = std::function<sdk::Result<sdk::KernelSource*>(const std::string& name)>;

/// Same rules as ImageStore.
class KernelStore {
public:
    KernelStore(std::string directory, const Catalogue& catalogue, FindKernelSource find_source);
    ~KernelStore();

    [[nodiscard]] sdk::Result<std::vector<Kernel>> list() const;
    [[nodiscard]] sdk::Result<Kernel> find(const std::string& name) const;
    [[nodiscard]] sdk::Result<Kernel> pull(const std::string& name, sdk::Call& call);
    /// A kernel from files, or from a bundle (bundle.hpp), which brings all that is not named here; the one that is there if it was made of the same files, and they did not change. Errors: exists
    /// for a name of the catalogue, or of another kernel; unsupported, with all that it lacks by name.
    [[nodiscard]] sdk::Result<Kernel> import(const KernelFiles& files, sdk::Call& call);
    [[nodiscard]] sdk::Result<std::uint64_t> remove(const std::string& name);
    void sweep();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace banger::images
