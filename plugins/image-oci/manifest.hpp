// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "banger/sdk/result.hpp"

namespace banger::oci {

/// A blob as manifests name it. Source: OCI image specification, descriptor.md.
struct Descriptor {
    std::string media_type;
    std::string digest;
    std::uint64_t size = 0;
};

struct Manifest {
    Descriptor config;
    std::vector<Descriptor> layers;  ///< lowest first
};

/// What a document of a registry or layout is: a manifest, or an index of such for several platforms.
struct ManifestOrIndex {
    Manifest manifest;
    std::vector<Descriptor> of_platform;  ///< of an index: those that fit, in its order
    bool index = false;
};

/// The longest manifest, index or configuration, as registries take manifests ("Pushing Manifests" in the OCI distribution
/// specification).
inline constexpr std::size_t most_document_bytes = 4U << 20;

/// The most layers of an image: more than any builder makes.
inline constexpr std::size_t max_layers = 512;

/// Reads OCI manifests and indexes and Docker's of schema 2. `platform` reads like linux/amd64 or linux/arm/v7; entries of an
/// index that are for exactly it go before those that only fit: of no platform, or where one of the two names no variant. Errors: corrupt for what is no manifest, unsupported for other kinds of them and for
/// an index without our platform, which says what there is. `subject` begins messages.
sdk::Result<ManifestOrIndex> parse_manifest(const std::string& text, const std::string& platform,
                                            const std::string& subject);

/// manifest.json of `docker save`: paths of the config and of the layers in the archive. Takes the first image.
struct SavedImage {
    std::string config;
    std::vector<std::string> layers;
};
sdk::Result<SavedImage> parse_saved(const std::string& text);

/// rootfs.diff_ids of an image's configuration: digests of the layers before compression.
sdk::Result<std::vector<std::string>> diff_ids_of(const std::string& config);

/// Whether a text reads like OS/ARCHITECTURE[/VARIANT].
bool is_platform(const std::string& text);

/// OS/ARCHITECTURE[/VARIANT] of an image's configuration, which must name both (config.md); `otherwise` if it does not.
std::string platform_of(const std::string& config, const std::string& otherwise);

/// The member "config" (entrypoint, command, environment, user, directory) as JSON text; "{}" if there is none.
std::string execution_of(const std::string& config);

}  // namespace banger::oci
