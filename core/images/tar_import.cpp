// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/tar_import.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "core/images/layer_marks.hpp"
#include "core/images/tar_reader.hpp"

namespace banger::images {
namespace {

constexpr std::string_view home = "root";  // of root, who lives on the work disk
constexpr std::uint64_t progress_bytes = 4U << 20;
constexpr std::uint64_t progress_entries = 1000;
constexpr std::size_t max_layer_name_bytes = 128;
constexpr std::size_t max_told_path_bytes = 256;

class Importer {
public:
    Importer(TarReader reader, const ImportPlan& plan) : reader_(std::move(reader)), plan_(plan) {}

    sdk::Result<ImportOutcome> run();

private:
    struct Place {
        Ext4Writer* writer;
        std::string_view path;
    };
    [[nodiscard]] Place place(std::string_view path) const;
    [[nodiscard]] bool is_home(std::string_view path) const { return plan_.work != nullptr && path == home; }
    [[nodiscard]] bool is_work(std::string_view path) const { return plan_.work != nullptr && path == work_path_; }
    [[nodiscard]] bool holds_work(std::string_view directory) const;
    [[nodiscard]] sdk::Result<void> check_cancelled() const;
    sdk::Result<void> count(const TarEntry& entry);
    sdk::Result<void> take(TarEntry& entry);
    sdk::Result<void> take_work_directory(const TarEntry& entry);
    sdk::Result<void> take_home_link(const TarEntry& entry);
    [[nodiscard]] std::string why_no_home(const sdk::Result<std::string>& path) const;
    sdk::Result<void> put(const TarEntry& entry, const Place& where, bool with_content);
    sdk::Result<void> link(const TarEntry& entry, const Place& where);
    sdk::Result<void> drop(const TarEntry& entry);
    sdk::Result<void> begin_layer();
    void end_layer();
    sdk::Result<void> apply(const Whiteout& whiteout);
    sdk::Result<void> take_of_layer(TarEntry& entry);
    sdk::Error in_layer(sdk::Error error, const std::string& path) const;
    sdk::Result<void> finish_work();
    sdk::Result<ImportOutcome> outcome();
    void tell(bool now);

    TarReader reader_;
    const ImportPlan& plan_;
    ImportProgress progress_;
    ImportProgress told_;
    std::uint64_t lengths_ = 0;  // of all files so far
    std::string work_path_{home};  // where the work disk is mounted: where the link leads if /root is one
    bool seen_work_directory_ = false;
    std::vector<ImportedLayer> layers_;  // the last of which is being read
    std::uint64_t layer_start_ = 0;      // in the stream
};

sdk::Result<void> Importer::check_cancelled() const
{
    if (plan_.cancelled && plan_.cancelled())
        return sdk::make_error(sdk::Code::cancelled, "the import of the archive was cancelled");
    return {};
}

Importer::Place Importer::place(std::string_view path) const
{
    if (plan_.work != nullptr)
        for (const std::string_view mount : {home, std::string_view(work_path_)})
            if (path.starts_with(mount) && path.substr(mount.size()).starts_with('/'))
                return {plan_.work, path.substr(mount.size() + 1)};
    return {&plan_.root, path};
}

// Whether the work disk's mount point is the directory, or below it.
bool Importer::holds_work(std::string_view directory) const
{
    return is_work(directory) || (plan_.work != nullptr && (directory.empty() || work_path_.starts_with(std::string(directory) + "/")));
}

void Importer::tell(bool now)
{
    if (!plan_.progress)
        return;
    if (!now && progress_.entries < told_.entries + progress_entries &&
        progress_.content_bytes < told_.content_bytes + progress_bytes)
        return;
    told_ = progress_;
    plan_.progress(progress_);
}

sdk::Result<void> Importer::take_work_directory(const TarEntry& entry)
{
    if (entry.hard_link || entry.kind != FileKind::directory)
        return sdk::make_error(sdk::Code::unsupported, "the image's /" + entry.path + " is not a directory",
                               "the work disk needs one to be mounted on");
    seen_work_directory_ = true;
    if (auto put = plan_.root.directory(work_path_, entry.metadata); !put)
        return put;
    return plan_.work->directory("", entry.metadata);
}

// Why the work disk cannot be mounted where a link leads, as a clause; empty if it can.
std::string Importer::why_no_home(const sdk::Result<std::string>& path) const
{
    if (!path || path->empty() || is_home(*path) || path->starts_with(std::string(home) + "/"))
        return "which leads to no other place in it";
    if (work_path_ != home && work_path_ != *path)
        return "and was one to '" + work_path_ + "' in a lower layer";
    const auto kind = plan_.root.kind_of(*path);
    if (kind && *kind != FileKind::directory)
        return "which is no directory";
    if (kind && !plan_.root.is_empty(*path))
        return "which had files before the link came";
    Metadata unused;
    if (plan_.filter && plan_.filter(*path + "/file", FileKind::regular, unused) == Verdict::drop)
        return "where images keep nothing";
    return "";
}

// As the images of bootc have it. In the guest the mount goes where the link leads.
sdk::Result<void> Importer::take_home_link(const TarEntry& entry)
{
    const auto start = entry.target.find_first_not_of('/');
    auto path = relative_path(start == std::string::npos ? "" : entry.target.substr(start), "the link");
    if (const auto why = why_no_home(path); !why.empty())
        return sdk::make_error(sdk::Code::unsupported, "the image's /root is a link to '" + entry.target + "', " + why,
                               "the work disk is mounted there, which has to be an empty directory, or to come after the link");
    if (work_path_ == *path)  // once more, in a later layer
        return plan_.root.symlink(home, entry.metadata, entry.target);
    if (auto removed = plan_.work->remove_lower("", true); !removed)
        return removed;
    if (!plan_.work->is_empty(""))
        return sdk::make_error(sdk::Code::invalid, "the image's /root is a link, and a directory with files in it");
    if (plan_.root.kind_of(home) == FileKind::directory)
        if (auto removed = plan_.root.remove(home); !removed)
            return removed;
    if (auto put = plan_.root.symlink(home, entry.metadata, entry.target); !put)
        return put;
    work_path_ = std::move(*path);
    TarEntry directory;
    directory.path = work_path_;
    directory.kind = FileKind::directory;
    directory.metadata.mode = 0700;
    return take_work_directory(directory);
}

sdk::Result<void> Importer::put(const TarEntry& entry, const Place& where, bool with_content)
{
    switch (entry.kind) {
        case FileKind::directory: return where.writer->directory(where.path, entry.metadata);
        case FileKind::symlink: return where.writer->symlink(where.path, entry.metadata, entry.target);
        case FileKind::fifo: return where.writer->fifo(where.path, entry.metadata);
        case FileKind::socket: return where.writer->socket(where.path, entry.metadata);
        case FileKind::character_device:
        case FileKind::block_device:
            return where.writer->device(where.path, entry.metadata, entry.kind, entry.major, entry.minor);
        case FileKind::regular: break;
    }
    if (!with_content)
        return where.writer->file(where.path, entry.metadata, 0, [] { return std::optional<DataRun>{}; });
    return where.writer->file(where.path, entry.metadata, entry.size, [this]() -> sdk::Result<std::optional<DataRun>> {
        if (auto going = check_cancelled(); !going)
            return std::move(going.error());
        auto run = reader_.pull();
        if (run && *run) {
            progress_.content_bytes += (*run)->bytes.size();
            tell(false);
        }
        return run;
    });
}

sdk::Result<void> Importer::link(const TarEntry& entry, const Place& where)
{
    const auto existing = place(entry.existing);
    const auto kind = existing.writer->kind_of(existing.path);
    if (!kind && plan_.dropped != nullptr && plan_.dropped->kind_of(entry.existing) == FileKind::regular)
        return where.writer->copy(where.path, *plan_.dropped, entry.existing);
    Metadata unused;
    if (!kind && plan_.filter && plan_.filter(entry.existing, FileKind::regular, unused) == Verdict::drop)
        return sdk::make_error(sdk::Code::invalid, "the hard link '" + entry.path + "' leads to '" + entry.existing +
                                                       "', which images are freed of");
    if (existing.writer == where.writer)
        return where.writer->hard_link(where.path, existing.path);
    return where.writer->copy(where.path, *existing.writer, existing.path);
}

// Nothing else depends on what is kept so: what does not fit together there, since other dropped entries are not, is left out.
sdk::Result<void> Importer::drop(const TarEntry& entry)
{
    if (plan_.dropped == nullptr || entry.kind != FileKind::regular)
        return {};
    const auto kept = entry.hard_link ? plan_.dropped->hard_link(entry.path, entry.existing)
                                      : put(entry, {plan_.dropped, entry.path}, true);
    if (!kept && kept.error().code == sdk::Code::invalid)
        return {};
    return kept;
}

sdk::Result<void> Importer::count(const TarEntry& entry)
{
    const auto beyond = [](const std::string& what, const char* setting) {
        return sdk::make_error(sdk::Code::invalid, "the archive holds more than " + what,
                               "an image that is meant to be so large needs a larger " + std::string(setting) +
                                   " in config.toml");
    };
    const auto& limits = plan_.limits;
    if (++progress_.entries > limits.entries)
        return beyond(std::to_string(limits.entries) + " entries", "images.most_entries");
    if (entry.hard_link || entry.kind != FileKind::regular)
        return {};
    if (entry.size > limits.content_bytes - std::min(limits.content_bytes, lengths_))
        return beyond(std::to_string(limits.content_bytes) + " bytes", "images.most_bytes");
    lengths_ += entry.size;
    return {};
}

sdk::Result<void> Importer::take(TarEntry& entry)
{
    if (auto counted = count(entry); !counted)
        return counted;
    const auto kind = entry.hard_link ? FileKind::regular : entry.kind;
    const auto verdict = plan_.filter ? plan_.filter(entry.path, kind, entry.metadata) : Verdict::keep;
    if (verdict == Verdict::drop)
        return drop(entry);
    if (is_home(entry.path) && !entry.hard_link && entry.kind == FileKind::symlink)
        return take_home_link(entry);
    if (is_home(entry.path) && work_path_ != home)
        return sdk::make_error(sdk::Code::unsupported, "the image's /root was a link to '" + work_path_ + "', and is none any more");
    if (is_work(entry.path))
        return take_work_directory(entry);
    const auto where = place(entry.path);
    if (entry.hard_link && verdict == Verdict::keep)
        return link(entry, where);
    return put(entry, where, verdict == Verdict::keep);
}

sdk::Result<void> Importer::begin_layer()
{
    end_layer();
    auto& layer = layers_.emplace_back();
    for (auto* writer : {&plan_.root, plan_.work, plan_.dropped})
        if (writer != nullptr)
            if (auto begun = writer->begin_layer(); !begun)
                return begun;
    // No layer takes the mount point of the work disk away, nor what it is in.
    for (auto end = work_path_.find('/'); plan_.work != nullptr; end = work_path_.find('/', end + 1)) {
        plan_.root.touch(std::string_view(work_path_).substr(0, end));
        if (end == std::string::npos)
            break;
    }
    for (;;) {
        auto run = reader_.pull();
        if (!run)
            return std::move(run.error());
        if (!*run)
            break;
        layer.name += (*run)->bytes.substr(0, max_layer_name_bytes - std::min(max_layer_name_bytes, layer.name.size()));
    }
    layer_start_ = reader_.position();
    return {};
}

// Known once the reader has looked for an entry behind it.
void Importer::end_layer()
{
    if (!layers_.empty())
        layers_.back().bytes = reader_.content_end() - std::min(reader_.content_end(), layer_start_);
}

sdk::Error Importer::in_layer(sdk::Error error, const std::string& path) const
{
    return std::move(error)
        .while_doing("take '" + path.substr(0, max_told_path_bytes) + "'")
        .while_doing("read layer " + std::to_string(layers_.size()) + " (" + layers_.back().name + ")");
}

// What this layer brings stays, whether it came before its whiteout or comes behind it.
sdk::Result<void> Importer::apply(const Whiteout& whiteout)
{
    if (plan_.dropped != nullptr)
        if (auto removed = plan_.dropped->remove_lower(whiteout.path, whiteout.only_below); !removed)
            return removed;
    if (holds_work(whiteout.path))
        if (auto removed = plan_.work->remove_lower("", true); !removed)
            return removed;
    if (is_work(whiteout.path))
        return {};
    const auto where = place(whiteout.path);
    return where.writer->remove_lower(where.path, whiteout.only_below);
}

sdk::Result<void> Importer::take_of_layer(TarEntry& entry)
{
    auto whiteout = whiteout_of(entry.path);
    if (!whiteout)
        return std::move(whiteout.error());
    if (*whiteout)
        return apply(**whiteout);
    const bool directory = !entry.hard_link && entry.kind == FileKind::directory;
    if (is_work(entry.path) || is_home(entry.path))
        return take(entry);
    const auto where = place(entry.path);
    const bool over_directory = where.writer->kind_of(where.path) == FileKind::directory;
    if (where.writer->touched(where.path)) {
        if (!directory || !over_directory)
            return sdk::make_error(sdk::Code::invalid, "the layer holds '" + entry.path + "' twice");
    } else if (!directory && over_directory && !where.path.empty()) {
        if (auto removed = where.writer->remove(where.path); !removed)
            return removed;
    }
    return take(entry);
}

sdk::Result<void> Importer::finish_work()
{
    if (plan_.work == nullptr)
        return {};
    if (seen_work_directory_ && plan_.root.kind_of(work_path_) != FileKind::directory)
        return sdk::make_error(sdk::Code::unsupported, "the image's /" + work_path_ + " is not a directory in the end",
                               "the work disk needs one to be mounted on");
    if (seen_work_directory_)
        return {};
    TarEntry entry;
    entry.path = home;
    entry.kind = FileKind::directory;
    entry.metadata.mode = 0700;
    return take_work_directory(entry);
}

sdk::Result<ImportOutcome> Importer::outcome()
{
    ImportOutcome result;
    result.total = progress_;
    result.layers = std::move(layers_);
    for (const auto& path : plan_.captures) {
        const auto where = place(path);
        auto content = where.writer->read_file(where.path, plan_.capture_limit);
        if (!content)
            return std::move(content.error());
        if (*content)
            result.captured.emplace(path, std::move(**content));
    }
    for (const auto& path : plan_.probes) {
        const auto where = place(path);
        if (where.writer->kind_of(where.path))
            result.present.insert(path);
    }
    auto facts = image_facts(plan_.root);
    if (!facts)
        return std::move(facts.error());
    result.facts = std::move(*facts);
    return result;
}

sdk::Result<ImportOutcome> Importer::run()
{
    for (;;) {
        if (auto going = check_cancelled(); !going)
            return std::move(going.error());
        auto entry = reader_.next();
        // Who cancels ends the writer of the archive, and that looks like damage here.
        if (auto going = check_cancelled(); !going)
            return std::move(going.error());
        if (!entry && !layers_.empty())
            return std::move(entry.error())
                .while_doing("read layer " + std::to_string(layers_.size()) + " (" + layers_.back().name + ")");
        if (!entry)
            return std::move(entry.error());
        if (!*entry)
            break;
        if ((*entry)->path == layer_marker) {
            if (auto begun = begin_layer(); !begun)
                return std::move(begun.error());
            continue;
        }
        if (!layers_.empty())
            layers_.back().last_entry.assign((*entry)->path, 0, max_told_path_bytes);
        auto taken = layers_.empty() ? take(**entry) : take_of_layer(**entry);
        if (!taken)
            return layers_.empty() ? std::move(taken.error()) : in_layer(std::move(taken.error()), (*entry)->path);
        tell(false);
    }
    end_layer();
    if (auto drained = reader_.drain(); !drained)
        return std::move(drained.error());
    if (auto made = finish_work(); !made)
        return std::move(made.error());
    tell(true);
    return outcome();
}

}  // namespace

sdk::Result<ImportOutcome> import_tar(int fd, const ImportPlan& plan)
{
    auto reader = TarReader::open(fd);
    if (!reader)
        return std::move(reader.error());
    return Importer(std::move(*reader), plan).run();
}

}  // namespace banger::images
