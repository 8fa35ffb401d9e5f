// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "banger/sdk/image_source.hpp"
#include "banger/sdk/storage.hpp"
#include "core/images/catalogue.hpp"
#include "core/images/tar_import.hpp"

namespace banger::images {

/// An image in the store: a directory `<images>/<id>/` that holds root.ext4, work.ext4 and image.json, published by one
/// rename. The directory is the truth; nothing about images is kept anywhere else.
struct Image {
    std::string id;    ///< 16 hex digits of the digest of the recipe; names the directory
    std::string name;  ///< as the catalogue names it, or as it was first asked for
    std::vector<std::string> other_names;  ///< references that led to the same image
    sdk::Layer root;
    sdk::Layer work;           ///< made from the image's own /root
    std::string kernel;        ///< default kernel's name
    bool kept = false;         ///< somebody named it, or brought it: it is not only here because a machine wanted it
    bool kernel_chosen = false;    ///< by whoever pulled or imported it, and not by the catalogue
    std::uint64_t disk_bytes = 0;  ///< how long its machines' disks are unless told otherwise; 0: nothing was chosen
    std::int64_t created = 0;  ///< Unix time, seconds
    std::uint64_t bytes = 0;   ///< allocated on disk, both layers
    sdk::Fields facts;         ///< os_id, os_version, os_name, init, has_sshd, has_git, packages, ...
    std::string problem;       ///< from list() only: why it cannot be used; then only `id` and `bytes` are known
};

/// The environment that a container image names (Env in config.md of the OCI image specification), from its facts.
std::map<std::string, std::string> environment_of(const Image& image);

/// `unsupported` for an image of a platform that machines here, which are PCs, cannot run; those that say none can be run.
sdk::Result<void> check_platform(const Image& image, const std::string& name);

/// What whoever wants an image says about it; what is empty or 0 is left as it is.
struct ImageChoices {
    std::string name = {};      ///< one more name that it is to have
    std::string kernel = {};    ///< its default kernel's name
    std::string platform = {};  ///< OS/ARCHITECTURE[/VARIANT], of an image from a registry or a layout
    std::uint64_t disk_bytes = 0;
    bool any_directory = false;  ///< a directory is a root file system, whatever is in it
};

/// The disks of a machine that stands still.
struct MachineDisks {
    sdk::Disk root;
    sdk::Disk work;             ///< what is at /root
    std::string client_key;     ///< the line that the agent added to root's authorized_keys, which is no image's
    std::string execution = {};  ///< of the image that it was made from (its fact of that name)
};

/// Finds the source that the catalogue names, e.g. from the plugin registry.
using FindImageSource = std::function<sdk::Result<sdk::ImageSource*>(const std::string& name)>;

/// A name means the recipe that the catalogue has for it now. What was made from an earlier recipe stays until it is
/// removed, and is then found by its id only; what the catalogue no longer knows is found by its name too. Of several platforms'
/// images under one reference, those that machines can run have its name.
///
/// Threads: every method may be called from several workers at once. Several processes may share one directory.
/// Crashes: a half-made image stays in a directory named `.new-*` that nobody reads; `sweep` removes it.
/// Lifetime: the catalogue outlives the store; destruction cancels what is being pulled and waits for it.
class ImageStore {
public:
    /// `directory` is created (0700) by the first pull if absent.
    ImageStore(std::string directory, const Catalogue& catalogue, FindImageSource find_source,
               const ImportLimits& limits = {});
    ~ImageStore();

    [[nodiscard]] sdk::Result<std::vector<Image>> list() const;
    /// The pulled image of this name or id. `not_found` with the nearest name if the catalogue does not know it either,
    /// `corrupt` with its directory if it is damaged.
    [[nodiscard]] sdk::Result<Image> find(const std::string& name) const;
    /// The image, made now if need be, once, also for many callers at the same moment: the later ones wait for the first
    /// (each can be cancelled alone). On error nothing is left. A reference that nothing here goes by is asked of its
    /// registry, and what that names now is the image; one that several references lead to is one image. A platform is
    /// always asked for, whatever goes by that name here.
    [[nodiscard]] sdk::Result<Image> pull(const std::string& name, sdk::Call& call, const ImageChoices& choices = {});
    /// The image in a file or directory of this host (an absolute path): an OCI layout, an archive of one or of
    /// `docker save`, a bundle (bundle.hpp), a root file system or an archive of one, under the name given. What is in it decides which image it is, but for a tree of
    /// files, which is another each time.
    [[nodiscard]] sdk::Result<Image> import(const std::string& path, const std::string& name, sdk::Call& call,
                                            const ImageChoices& choices = {});
    /// What is on the disks of a machine, which nobody writes meanwhile, as an image under the name given: another each
    /// time. It runs what the image ran that the machine was made from.
    [[nodiscard]] sdk::Result<Image> import_disks(const MachineDisks& disks, const std::string& name, sdk::Call& call,
                                                  const ImageChoices& choices = {});
    /// Has an image that is here stay (`kept`), under one more name if one is chosen.
    [[nodiscard]] sdk::Result<Image> keep(const std::string& name, const ImageChoices& choices);
    /// Whether `pull` would ask a registry for a name that nothing here has: one with a tag, a digest or a path in it, and
    /// a bare one that is none of the catalogue.
    [[nodiscard]] bool is_reference(const std::string& name) const;
    /// Removes it, also if it is damaged, and tells how many bytes that freed. The caller has made sure that no VM
    /// stands on it. `not_found` if it is not there.
    [[nodiscard]] sdk::Result<std::uint64_t> remove(const std::string& name);
    /// Removes what a crash left half made, and nothing that a living process works on.
    void sweep();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace banger::images
