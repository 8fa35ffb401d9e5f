// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/images/bundle.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "banger/sdk/os/file.hpp"
#include "banger/sdk/os/lock.hpp"
#include "core/base/ids.hpp"
#include "core/images/image_import.hpp"
#include "core/model/json.hpp"

namespace banger::images {
namespace {

namespace os = sdk::os;
using sdk::Code;
using sdk::Result;

constexpr std::uint64_t manifest_version = 1;
constexpr std::uint64_t catalogue_version = 1;
constexpr std::size_t copy_bytes = 1U << 20;
constexpr mode_t everybodys = 0644;  // a web server's too, whatever our umask
constexpr mode_t everybodys_directory = 0755;
constexpr const char* manifest_name = "manifest.json";
constexpr const char* catalogue_name = "/catalogue.json";
constexpr const char* catalogue_lock_name = "/.catalogue.lock";

struct FreeArchive {
    void operator()(archive* open) const { (void)archive_write_free(open); }
};
struct FreeEntry {
    void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};
struct FreeDigest {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

/// A file under a name of its own that nobody looks for, digested on the way. Removed unless it is kept.
class Output {
public:
    static Result<std::unique_ptr<Output>> create(const std::string& directory)
    {
        auto output = std::make_unique<Output>();
        output->path_ = directory + "/.new-" + base::random_hex(12);
        auto file = os::open_file(output->path_, O_WRONLY | O_CREAT | O_EXCL, 0644);
        if (!file)
            return std::move(file).error();
        output->file_ = std::move(*file);
        EVP_DigestInit_ex(output->sum_.get(), EVP_sha256(), nullptr);
        return output;
    }
    ~Output()
    {
        if (file_)
            (void)os::remove_file(path_);
    }

    static la_ssize_t write(archive* /*writer*/, void* self, const void* bytes, std::size_t length)
    {
        auto& output = *static_cast<Output*>(self);
        if (auto written = os::write_all(output.file_.get(), {static_cast<const char*>(bytes), length}); !written) {
            output.failure_ = std::move(written).error();
            return -1;
        }
        EVP_DigestUpdate(output.sum_.get(), bytes, length);
        output.bytes_ += length;
        return static_cast<la_ssize_t>(length);
    }

    std::string hex_digest()
    {
        std::vector<unsigned char> digest(EVP_MAX_MD_SIZE);
        unsigned length = 0;
        EVP_DigestFinal_ex(sum_.get(), digest.data(), &length);
        std::string text;
        for (unsigned i = 0; i < length; ++i) {
            text += "0123456789abcdef"[digest[i] >> 4U];
            text += "0123456789abcdef"[digest[i] & 15U];
        }
        return text;
    }

    Result<void> keep(const std::string& path)
    {
        if (::fchmod(file_.get(), everybodys) != 0 || ::fsync(file_.get()) != 0 || std::rename(path_.c_str(), path.c_str()) != 0)
            return sdk::os_error("publish " + path);
        file_.reset();
        return os::sync_directory(path.substr(0, path.rfind('/')));
    }

    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] const std::optional<sdk::Error>& failure() const { return failure_; }

private:
    std::string path_;
    os::UniqueFd file_;
    std::unique_ptr<EVP_MD_CTX, FreeDigest> sum_{EVP_MD_CTX_new()};
    std::uint64_t bytes_ = 0;
    std::optional<sdk::Error> failure_;
};

/// Where a file has content: [first, second) of lseek(2), SEEK_DATA.
using Run = std::pair<off_t, off_t>;

Result<std::vector<Run>> runs_of(int file, off_t size, const std::string& path)
{
    std::vector<Run> runs;
    for (off_t at = 0; at < size;) {
        const off_t start = ::lseek(file, at, SEEK_DATA);
        if (start < 0 && errno == ENXIO)
            break;
        const off_t end = start < 0 ? -1 : ::lseek(file, start, SEEK_HOLE);
        if (start < 0 || end < 0)
            return sdk::os_error("look for holes in " + path);
        runs.emplace_back(start, end);
        at = end;
    }
    return runs;
}

class BundleWriter {
public:
    BundleWriter(Output& output, sdk::Call& call) : output_(output), call_(call), writer_(archive_write_new()) {}

    Result<void> open()
    {
        archive_write_set_format_pax(writer_.get());
        if (archive_write_add_filter_zstd(writer_.get()) != ARCHIVE_OK)
            return failed();
        archive_write_set_bytes_per_block(writer_.get(), 0);
        if (archive_write_open(writer_.get(), &output_, nullptr, &Output::write, nullptr) != ARCHIVE_OK)
            return failed();
        return {};
    }

    Result<void> add_text(const char* name, const std::string& text)
    {
        const auto entry = entry_of(name, static_cast<la_int64_t>(text.size()));
        if (archive_write_header(writer_.get(), entry.get()) != ARCHIVE_OK)
            return failed();
        return give(text);
    }

    Result<void> add_file(const char* name, const sdk::Layer& layer)
    {
        const auto file = os::open_file(layer.path, O_RDONLY | O_NOFOLLOW);
        if (!file)
            return file.error();
        const auto size = static_cast<off_t>(layer.bytes);
        const auto runs = runs_of(file->get(), size, layer.path);
        if (!runs)
            return runs.error();
        const auto entry = entry_of(name, size);
        for (const auto& [start, end] : *runs)
            archive_entry_sparse_add_entry(entry.get(), start, end - start);
        if (archive_write_header(writer_.get(), entry.get()) != ARCHIVE_OK)
            return failed();
        // The writer of pax archives is given the whole file, and leaves out what is in holes.
        for (const auto& [start, end] : *runs) {
            if (auto skipped = skip(start); !skipped)
                return skipped;
            if (auto copied = copy(file->get(), start, end, layer); !copied)
                return copied;
        }
        return skip(size);
    }

    Result<void> close()
    {
        if (archive_write_close(writer_.get()) != ARCHIVE_OK)
            return failed();
        return {};
    }

private:
    using Entry = std::unique_ptr<archive_entry, FreeEntry>;

    Entry entry_of(const char* name, la_int64_t size)
    {
        written_ = 0;
        Entry entry(archive_entry_new());
        archive_entry_set_pathname(entry.get(), name);
        archive_entry_set_filetype(entry.get(), AE_IFREG);
        archive_entry_set_perm(entry.get(), 0444);
        archive_entry_set_size(entry.get(), size);
        archive_entry_set_mtime(entry.get(), 0, 0);  // the same image, the same bundle
        return entry;
    }

    sdk::Error failed() const
    {
        if (output_.failure())
            return *output_.failure();
        const char* why = archive_error_string(writer_.get());
        return sdk::make_error(Code::internal, std::string("cannot write the bundle: ") + (why == nullptr ? "" : why));
    }

    Result<void> give(std::string_view bytes)
    {
        if (call_.cancelled())
            return sdk::make_error(Code::cancelled, "cancelled");
        if (archive_write_data(writer_.get(), bytes.data(), bytes.size()) < 0)
            return failed();
        written_ += static_cast<off_t>(bytes.size());
        return {};
    }

    Result<void> skip(off_t to)
    {
        while (written_ < to)
            if (auto given = give(std::string_view(zeros_).substr(
                    0, static_cast<std::size_t>(std::min<off_t>(to - written_, static_cast<off_t>(zeros_.size())))));
                !given)
                return given;
        return {};
    }

    Result<void> copy(int file, off_t start, off_t end, const sdk::Layer& layer)
    {
        while (start < end) {
            const auto wanted = std::min<std::size_t>(buffer_.size(), static_cast<std::size_t>(end - start));
            const auto count = ::pread(file, buffer_.data(), wanted, start);
            if (count <= 0)
                return count < 0 ? sdk::os_error("read " + layer.path)
                                 : sdk::make_error(Code::corrupt, layer.path + " ends too early");
            if (auto given = give({buffer_.data(), static_cast<std::size_t>(count)}); !given)
                return given;
            start += count;
            call_.progress({"write the bundle", static_cast<std::uint64_t>(start), layer.bytes, "bytes"});
        }
        return {};
    }

    Output& output_;
    sdk::Call& call_;
    std::unique_ptr<archive, FreeArchive> writer_;
    std::vector<char> buffer_ = std::vector<char>(copy_bytes);
    const std::string zeros_ = std::string(copy_bytes, '\0');
    off_t written_ = 0;
};

std::string entry_for(const Image& image, const Bundle& bundle)
{
    json::Object recipe;
    recipe.set("bundle", bundle.file).set("digest", bundle.digest).set("size", bundle.bytes);
    json::Object choice;
    choice.set("source", "catalog").set("recipe", recipe);
    json::Array choices;
    choices.add(choice);
    const auto os_name = image.facts.find("os_name");
    json::Object entry;
    entry.set("name", bundle.name)
        .set("description", os_name == image.facts.end() || os_name->second.empty() ? image.name : os_name->second)
        .set("kernel", image.kernel)
        .set("sources", choices);
    return json::to_text(entry.value());
}

}  // namespace

Result<Bundle> write_bundle(const Image& image, const std::string& name, const std::string& directory, sdk::Call& call)
{
    auto output = Output::create(directory);
    if (!output)
        return std::move(output).error();
    json::Object manifest;
    manifest.set("version", manifest_version).set("facts", image.facts);
    BundleWriter writer(**output, call);
    for (const auto& step : std::vector<std::function<Result<void>()>>{
             [&] { return writer.open(); }, [&] { return writer.add_text(manifest_name, json::to_pretty(manifest.value())); },
             [&] { return writer.add_file(finished_root, image.root); },
             [&] { return writer.add_file(finished_work, image.work); }, [&] { return writer.close(); }})
        if (auto done = step(); !done)
            return std::move(done).error();
    const auto hex = (*output)->hex_digest();
    Bundle bundle{name, name + "-" + hex + ".tar.zst", "sha256:" + hex, (*output)->bytes(), {}};
    bundle.entry = entry_for(image, bundle);
    if (auto kept = (*output)->keep(directory + "/" + bundle.file); !kept)
        return std::move(kept).error();
    return bundle;
}

Result<void> make_published_directory(const std::string& path)
{
    if (os::exists(path))
        return {};
    if (const auto parent = std::filesystem::path(path).parent_path().string(); !parent.empty())
        if (auto made = make_published_directory(parent); !made)
            return made;
    if (auto made = os::make_directories(path); !made)
        return made;
    if (::chmod(path.c_str(), everybodys_directory) != 0)
        return sdk::os_error("let others read " + path);
    return {};
}

Result<void> add_to_catalogue(const Bundle& bundle, const std::string& directory, const sdk::Call& call)
{
    const auto lock_path = directory + catalogue_lock_name;
    const auto lock = os::open_file(lock_path, O_RDWR | O_CREAT);
    if (!lock)
        return lock.error();
    if (auto locked = os::lock_file(lock->get(), lock_path, call.cancel_descriptor()); !locked)
        return locked;
    const auto path = directory + catalogue_name;
    json::Array images;
    json::Object catalogue;
    catalogue.set("version", catalogue_version);
    if (os::exists(path)) {
        const auto text = os::read_file(path);
        if (!text)
            return text.error();
        const auto before = json::parse_object(*text, path);
        if (!before)
            return before.error();
        if (const auto* list = json::find(*before, "images"); list != nullptr && list->IsArray())
            for (const auto& entry : list->GetArray())
                if (json::string_or(entry, "name") != bundle.name)
                    images.add(entry);
        if (const auto* kernels = json::find(*before, "kernels"))
            catalogue.set("kernels", *kernels);
    }
    const auto entry = json::parse(bundle.entry, "the entry");
    if (!entry)
        return entry.error();
    images.add(*entry);
    catalogue.set("images", images);
    for (const char* signature : {".sig", ".minisig"})
        if (auto removed = os::remove_file(path + signature); !removed)
            return removed;
    if (auto written = os::write_file_atomic(path, json::to_pretty(catalogue.value())); !written)
        return written;
    if (::chmod(path.c_str(), everybodys) != 0)
        return sdk::os_error("let others read " + path);
    return {};
}

}  // namespace banger::images
