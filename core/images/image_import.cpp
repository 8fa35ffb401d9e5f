// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/image_import.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>

#include "banger/sdk/os/file.hpp"
#include "core/images/ext4_writer.hpp"
#include "core/images/finished_layer.hpp"
#include "core/images/recipe_identity.hpp"

namespace banger::images {
namespace {

namespace os = sdk::os;
using sdk::Code;
using sdk::Error;
using sdk::Result;

constexpr int pipe_bytes = 1 << 20;  // the most that an ordinary user may ask for: pipe-max-size in proc(5)

struct Pipe {
    os::UniqueFd reader;
    os::UniqueFd writer;
};

Result<Pipe> make_pipe()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return sdk::os_error("make a pipe");
    Pipe pipe{os::UniqueFd(ends[0]), os::UniqueFd(ends[1])};
    ::fcntl(pipe.writer.get(), F_SETPIPE_SZ, pipe_bytes);  // only a matter of speed
    return pipe;
}

/// The source's own part of a call. While parts of the image are on their way, what the source says is what there is to wait for.
class SourceCall final : public sdk::Call {
public:
    explicit SourceCall(LinkedCall& call) : call_(call) {}

    [[nodiscard]] bool cancelled() const override { return call_.cancelled(); }
    [[nodiscard]] int cancel_descriptor() const override { return call_.cancel_descriptor(); }
    void progress(const sdk::Progress& progress) override
    {
        parts_come_ = std::any_of(progress.parts.begin(), progress.parts.end(),
                                  [](const sdk::ProgressPart& part) { return part.done < part.total; });
        call_.progress(progress);
    }
    void warn(const std::string& message) override { call_.warn(message); }

    [[nodiscard]] bool parts_come() const { return parts_come_; }

private:
    LinkedCall& call_;
    std::atomic<bool> parts_come_ = false;
};

/// A fetch on a thread of its own. The stream ends when it returns, and not before its result is known: so a reader
/// that sees the end can ask whether it is a real one.
class Fetching {
public:
    Fetching(sdk::ImageSource& source, sdk::ImageRequest request, os::UniqueFd output, SourceCall& call)
        : output_(std::move(output)), thread_([this, &source, request = std::move(request), &call]() mutable {
              block_broken_pipe();
              request.output = output_.get();
              result_.emplace(source.fetch(request, call));
              failed_ = !*result_;
              output_.reset();
          })
    {
    }

    [[nodiscard]] bool failed() const { return failed_; }
    Result<sdk::ImageStream> join()
    {
        thread_.join();
        return std::move(*result_);
    }

private:
    // A source that writes from this very process gets EPIPE when the import gave up, not a deadly signal.
    static void block_broken_pipe()
    {
        sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    }

    os::UniqueFd output_;
    std::optional<Result<sdk::ImageStream>> result_;
    std::atomic<bool> failed_ = false;
    std::jthread thread_;  // last: uses the others
};

constexpr std::uint64_t dropped_memory = 1U << 20;

struct Layers {
    Ext4Writer root;
    Ext4Writer work;
    Ext4Writer dropped;  // of no disk: see ImportPlan
};

Result<Ext4Writer> create_layer(const std::string& id, const char* role, const std::string& path, const LinkedCall& call)
{
    auto options = layer_options(id, role);
    options.cancelled = [&call] { return call.cancelled(); };
    return Ext4Writer::create(path, std::move(options));
}

// For content that is only wanted while the image is made.
Result<Ext4Writer> create_nameless(const std::string& path)
{
    Ext4Options options;
    options.max_bytes = options.grow_to_bytes;
    options.journal_bytes = 0;
    options.memory_bytes = dropped_memory;
    auto writer = Ext4Writer::create(path, std::move(options));
    if (writer)
        if (auto removed = os::remove_file(path); !removed)
            return std::move(removed).error();
    return writer;
}

Result<Layers> create_layers(const std::string& id, const std::string& directory, const LinkedCall& call)
{
    auto root = create_layer(id, "root", directory + "/" + root_layer, call);
    if (!root)
        return std::move(root).error();
    auto work = create_layer(id, "work", directory + "/" + work_layer, call);
    if (!work)
        return std::move(work).error();
    auto dropped = create_nameless(directory + "/dropped");
    if (!dropped)
        return std::move(dropped).error();
    return Layers{std::move(*root), std::move(*work), std::move(*dropped)};
}

Result<ImportOutcome> read_stream(int fd, Layers& layers, const ImportLimits& limits, const SourceCall& source,
                                  LinkedCall& call)
{
    const ImportPlan plan{.root = layers.root,
                          .work = &layers.work,
                          .filter = pristine_root(),
                          .dropped = &layers.dropped,
                          .captures = {},
                          .limits = limits,
                          .probes = {},
                          .progress =
                              [&source, &call](const ImportProgress& progress) {
                                  if (!source.parts_come())
                                      call.progress({"write the root file system", progress.content_bytes, 0, "bytes"});
                              },
                          .cancelled = [&call] { return call.cancelled(); }};
    return import_tar(fd, plan);
}

Result<void> finish_layer(Ext4Writer& writer, const std::string& path)
{
    auto finished = writer.finish();
    if (!finished)
        return std::move(finished).error();
    if (::chmod(path.c_str(), 0444) != 0)
        return sdk::os_error("make " + path + " read-only");
    return {};
}

// What the image itself shows is worth more than what the source says of it.
sdk::Fields facts_of(const ImportOutcome& outcome, const sdk::ImageStream& stream)
{
    const auto word = [](bool value) { return value ? "true" : "false"; };
    sdk::Fields facts{{"os_id", outcome.facts.os_id},
                      {"os_version", outcome.facts.os_version},
                      {"os_name", outcome.facts.os_pretty_name},
                      {"init", std::string(to_string(outcome.facts.init))},
                      {"has_sshd", word(outcome.facts.has_sshd)},
                      {"has_git", word(outcome.facts.has_git)},
                      {"has_shell", word(outcome.facts.has_shell)},
                      {"entries", std::to_string(outcome.total.entries)},
                      {"content_bytes", std::to_string(outcome.total.content_bytes)}};
    facts.insert(stream.facts.begin(), stream.facts.end());
    facts.erase("layer_bytes");  // they are checked by now
    return facts;
}

struct Streamed {
    ImportOutcome outcome;
    sdk::ImageStream stream;
    [[nodiscard]] bool finished() const { return stream.format == "ext4"; }
};

Result<Streamed> stream(sdk::ImageSource& source, sdk::ImageRequest request, Layers& layers,
                        const ImportLimits& limits, LinkedCall& call)
{
    auto pipe = make_pipe();
    if (!pipe)
        return std::move(pipe).error();
    SourceCall source_call(call);
    Fetching fetching(source, std::move(request), std::move(pipe->writer), source_call);
    auto imported = read_stream(pipe->reader.get(), layers, limits, source_call, call);
    const bool source_failed_first = fetching.failed();
    if (!imported)
        call.cancel();
    pipe->reader.reset();
    auto fetched = fetching.join();

    // Nothing came through the pipe, which is no archive either.
    if (fetched && fetched->format == "ext4")
        return Streamed{{}, std::move(*fetched)};
    if (!imported && !source_failed_first)
        return std::move(imported).error();
    if (!fetched)
        return std::move(fetched).error();
    if (!imported)
        return std::move(imported).error();
    return Streamed{std::move(*imported), std::move(*fetched)};
}

// What the last file of a cut layer lacks would be the padding that a source adds, since some tools leave it out.
Result<void> check_lengths(const std::vector<ImportedLayer>& layers, const std::string& lengths, const std::string& who)
{
    std::istringstream said(lengths);
    for (std::size_t i = 0; i < layers.size(); ++i) {
        std::uint64_t length = 0;
        if (!(said >> length))
            return sdk::make_error(Code::internal, who + " does not say how long each layer is");
        if (layers[i].bytes > length)
            return sdk::make_error(Code::corrupt, "the layer's archive ends in the middle of a file")
                .while_doing("take '" + layers[i].last_entry + "'")
                .while_doing("read layer " + std::to_string(i + 1) + " (" + layers[i].name + ")");
    }
    return {};
}

Result<void> check_stream(const Streamed& streamed, const CatalogueEntry& entry)
{
    const std::string who = "image source '" + entry.source + "'";
    if (streamed.stream.format != "tar")
        return sdk::make_error(Code::unsupported, who + " gave '" + streamed.stream.format + "', not a tar archive");
    if (streamed.outcome.total.entries == 0)
        return sdk::make_error(Code::corrupt, who + " gave an empty root file system");
    // A layer that is cut in the middle of a file swallows the next one's beginning.
    const auto& layers = streamed.outcome.layers;
    if (const auto said = streamed.stream.facts.find("layers");
        said != streamed.stream.facts.end() && said->second != std::to_string(layers.size()))
        return sdk::make_error(Code::corrupt, who + " gave " + said->second + " layers of which " +
                                                  std::to_string(layers.size()) + " are whole");
    if (const auto said = streamed.stream.facts.find("layer_bytes"); said != streamed.stream.facts.end())
        return check_lengths(layers, said->second, who);
    return {};
}

}  // namespace

Ext4Options layer_options(const std::string& id, const std::string& role)
{
    Ext4Options options;
    options.label = role;
    options.uuid = derived_uuid(id, role);
    options.hash_seed = derived_uuid(id, role + " hash");
    options.max_bytes = options.grow_to_bytes;  // what an image may have is said by its limits
    return options;
}

Result<sdk::Fields> import_image(const CatalogueEntry& entry, const std::string& id, sdk::ImageSource& source,
                                 const std::string& directory, const ImportLimits& limits, LinkedCall& call)
{
    const std::string scratch = directory + "/scratch";
    if (auto made = os::make_private_directory(scratch); !made)
        return std::move(made).error();
    auto layers = create_layers(id, directory, call);
    if (!layers)
        return std::move(layers).error();

    auto streamed = stream(
        source, {entry.name, entry.recipe, scratch, -1, limits.entries, limits.content_bytes}, *layers, limits, call);
    if (!streamed)
        return std::move(streamed).error();
    if (streamed->finished()) {
        for (const auto& [name, layer] : {std::pair{finished_root, root_layer}, std::pair{finished_work, work_layer}})
            if (auto taken = take_finished(scratch + "/" + name, directory + "/" + layer); !taken)
                return std::move(taken).error();
        if (auto removed = os::remove_tree(scratch); !removed)
            return std::move(removed).error();
        return streamed->stream.facts;
    }
    if (auto checked = check_stream(*streamed, entry); !checked)
        return std::move(checked).error();
    if (auto removed = os::remove_tree(scratch); !removed)
        return std::move(removed).error();

    call.progress({"finish the file systems", 0, 0, {}});
    if (auto finished = finish_layer(layers->root, directory + "/" + root_layer); !finished)
        return std::move(finished).error();
    if (auto finished = finish_layer(layers->work, directory + "/" + work_layer); !finished)
        return std::move(finished).error();
    return facts_of(streamed->outcome, streamed->stream);
}

}  // namespace banger::images
