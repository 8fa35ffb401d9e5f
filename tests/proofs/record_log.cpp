// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// record-log write LOG...       appends records for ever, the n-th to the log n % logs; each is on disk before its
// number
//                               is printed, and so is the small file that every sixteenth record adds beside its log
// record-log verify LOG...      prints how many records in a row are there; status 1 if anything is damaged or missing
// record-log freeze MOUNT...    freezes file systems, prints "frozen", waits for its input to end, thaws them
// One static program: it runs in any guest.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr std::size_t record_bytes = 1024;
constexpr std::uint64_t marks_every = 16;
constexpr std::uint64_t marks_kept = 32;
constexpr std::size_t noise_bytes = 64UL << 10U;
constexpr std::uint64_t noise_pieces = 64;

struct Record {
    std::uint64_t number = 0;
    std::uint64_t check = 0;
    std::uint64_t filler[record_bytes / 8 - 2] = {};
};
static_assert(sizeof(Record) == record_bytes);

std::uint64_t mix(std::uint64_t state)  // splitmix64, https://prng.di.unimi.it/splitmix64.c
{
    state += 0x9E3779B97F4A7C15U;
    state = (state ^ (state >> 30U)) * 0xBF58476D1CE4E5B9U;
    state = (state ^ (state >> 27U)) * 0x94D049BB133111EBU;
    return state ^ (state >> 31U);
}

Record record_of(std::uint64_t number)
{
    Record record;
    record.number = number;
    std::uint64_t sum = mix(number);
    for (auto& word : record.filler) {
        word = sum;
        sum = mix(sum);
    }
    record.check = sum;
    return record;
}

[[noreturn]] void fail(const std::string& what)
{
    std::fprintf(stderr, "record-log: %s: %s\n", what.c_str(), std::strerror(errno));
    std::exit(2);
}

int open_or_fail(const std::string& path, int flags)
{
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
    if (fd < 0)
        fail("open " + path);
    return fd;
}

void write_or_fail(int fd, const void* bytes, std::size_t size, const std::string& path)
{
    const auto* at = static_cast<const char*>(bytes);
    while (size > 0) {
        const ssize_t wrote = ::write(fd, at, size);
        if (wrote < 0)
            fail("write " + path);
        at += wrote;
        size -= static_cast<std::size_t>(wrote);
    }
}

std::string directory_of(const std::string& path)
{
    return path.substr(0, path.rfind('/'));
}

std::string mark_of(const std::string& log, std::uint64_t number)
{
    return log + ".mark-" + std::to_string(number);
}

// A file that appears by rename and others that go: metadata, so that the journal has more to do than lengthen a file.
void mark(const std::string& log, std::uint64_t number, std::uint64_t logs)
{
    const std::string path = mark_of(log, number);
    const std::string text = std::to_string(number);
    const int fd = open_or_fail(path + ".new", O_WRONLY | O_CREAT | O_TRUNC);
    write_or_fail(fd, text.data(), text.size(), path);
    if (::fsync(fd) != 0 || ::close(fd) != 0 || ::rename((path + ".new").c_str(), path.c_str()) != 0)
        fail("make " + path);
    const std::uint64_t span = marks_every * marks_kept * logs;
    if (number >= span)
        ::unlink(mark_of(log, number - span).c_str());
    const int directory = open_or_fail(directory_of(path), O_RDONLY | O_DIRECTORY);
    if (::fsync(directory) != 0)
        fail("sync " + directory_of(path));
    ::close(directory);
}

bool wants_mark(std::uint64_t number, std::uint64_t logs)
{
    return number / logs % marks_every == 0;
}

struct Found {
    std::uint64_t records = 0;  ///< in this log
    std::uint64_t torn_bytes = 0;
    bool damaged = false;
};

Found look(const std::string& path, std::uint64_t index, std::uint64_t logs)
{
    Found found;
    const int fd = open_or_fail(path, O_RDONLY);
    for (bool ended = false;;) {
        Record record;
        const ssize_t got =
            ::pread(fd, &record, sizeof record,
                    static_cast<off_t>((found.records + found.torn_bytes / record_bytes) * record_bytes));
        if (got < 0)
            fail("read " + path);
        if (got == 0)
            break;
        const Record wanted = record_of(found.records * logs + index);
        const bool good = got == record_bytes && std::memcmp(&record, &wanted, sizeof record) == 0;
        if (good && !ended) {
            ++found.records;
            continue;
        }
        // What was not acknowledged yet may be half there, but only at the end, and only one.
        if (ended || found.torn_bytes > 0) {
            found.damaged = true;
            break;
        }
        ended = true;
        found.torn_bytes += static_cast<std::uint64_t>(got);
        if (got < static_cast<ssize_t>(record_bytes))
            break;
    }
    ::close(fd);
    return found;
}

int write_for_ever(const std::vector<std::string>& logs)
{
    std::vector<int> files;
    std::vector<int> noises;
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < logs.size(); ++i) {
        files.push_back(open_or_fail(logs[i], O_RDWR | O_CREAT));
        noises.push_back(open_or_fail(logs[i] + ".noise", O_RDWR | O_CREAT));
        number += look(logs[i], i, logs.size()).records;
    }
    std::vector<char> noise(noise_bytes);
    for (;; ++number) {
        const std::size_t i = number % logs.size();
        const auto at = static_cast<off_t>(number / logs.size() * record_bytes);
        const Record record = record_of(number);
        if (::pwrite(files[i], &record, sizeof record, at) != static_cast<ssize_t>(sizeof record))
            fail("write " + logs[i]);
        if (wants_mark(number, logs.size()))
            mark(logs[i], number, logs.size());
        if (::fdatasync(files[i]) != 0)
            fail("sync " + logs[i]);
        const std::string said = std::to_string(number) + "\n";
        write_or_fail(STDOUT_FILENO, said.data(), said.size(), "standard output");
        // Writes that nobody waits for, so that the disk always has some under way.
        std::memset(noise.data(), static_cast<int>(number & 0xFFU), noise.size());
        const auto piece = static_cast<off_t>(mix(number) % noise_pieces * noise_bytes);
        if (::pwrite(noises[i], noise.data(), noise.size(), piece) < 0)
            fail("write " + logs[i] + ".noise");
    }
}

int verify(const std::vector<std::string>& logs)
{
    bool good = true;
    for (std::size_t i = 0; i < logs.size(); ++i) {
        const Found found = look(logs[i], i, logs.size());
        std::printf("%llu ", static_cast<unsigned long long>(found.records));
        if (found.damaged) {
            std::fprintf(stderr, "record-log: %s is damaged behind its record %llu\n", logs[i].c_str(),
                         static_cast<unsigned long long>(found.records));
            good = false;
        }
        // The newest marks of what is there. That of the last record may still have been on its way.
        const std::uint64_t next = found.records == 0 ? 0 : found.records - 1;
        for (std::uint64_t k = next > marks_every * marks_kept ? next - marks_every * (marks_kept - 1) : 0; k < next;
             ++k) {
            const std::uint64_t number = k * logs.size() + i;
            if (wants_mark(number, logs.size()) && ::access(mark_of(logs[i], number).c_str(), R_OK) != 0) {
                std::fprintf(stderr, "record-log: %s is missing\n", mark_of(logs[i], number).c_str());
                good = false;
            }
        }
    }
    std::printf("\n");
    return good ? 0 : 1;
}

int freeze(const std::vector<std::string>& mounts)
{
    std::vector<int> frozen;
    for (const auto& mount : mounts) {
        frozen.push_back(open_or_fail(mount, O_RDONLY | O_DIRECTORY));
        if (::ioctl(frozen.back(), FIFREEZE, 0) != 0)
            fail("freeze " + mount);
    }
    static const char said[] = "frozen\n";
    write_or_fail(STDOUT_FILENO, said, sizeof said - 1, "standard output");
    // Whoever asked may die: the end of the input thaws as well as a word on it.
    char word = 0;
    [[maybe_unused]] const ssize_t ignored = ::read(STDIN_FILENO, &word, 1);
    for (auto fd = frozen.rbegin(); fd != frozen.rend(); ++fd)
        if (::ioctl(*fd, FITHAW, 0) != 0)
            fail("thaw");
    return 0;
}

}  // namespace

int main(int argc, char** argv)
{
    const std::string verb = argc > 2 ? argv[1] : "";
    const std::vector<std::string> rest(argv + (argc > 2 ? 2 : argc), argv + argc);
    if (verb == "write")
        return write_for_ever(rest);
    if (verb == "verify")
        return verify(rest);
    if (verb == "freeze")
        return freeze(rest);
    std::fprintf(stderr, "usage: record-log write|verify LOG... | freeze MOUNT...\n");
    return 2;
}
