// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "tests/proofs/monitor.hpp"

#include <gtest/gtest.h>
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstring>

#include "banger/sdk/os/file.hpp"

namespace banger::proofs {
namespace {

namespace os = sdk::os;

constexpr std::chrono::seconds patience_for_qemu{180};

bool send_with(int socket, std::string& bytes, int descriptor)
{
    iovec piece{bytes.data(), bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    if (descriptor >= 0) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    return ::sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

}  // namespace

Monitor::Monitor(os::UniqueFd socket) : socket_(std::move(socket))
{
    EXPECT_TRUE(read_line()) << "QEMU does not greet";
    command("qmp_capabilities");
}

std::optional<std::string> Monitor::read_line()
{
    for (;;) {
        if (const auto end = received_.find('\n'); end != std::string::npos) {
            std::string line = received_.substr(0, end);
            received_.erase(0, end + 1);
            return line;
        }
        std::array<char, 65536> piece;  // NOLINT(cppcoreguidelines-pro-type-member-init)
        if (!os::wait_readable(socket_.get(), -1, std::chrono::steady_clock::now() + patience_for_qemu))
            return std::nullopt;
        const ssize_t got = ::recv(socket_.get(), piece.data(), piece.size(), 0);
        if (got <= 0)
            return std::nullopt;
        received_.append(piece.data(), static_cast<std::size_t>(got));
    }
}

bool Monitor::keep_event(const std::string& line)
{
    rapidjson::Document event;
    event.Parse(line.data(), line.size());
    if (!event.IsObject() || !event.HasMember("event"))
        return false;
    const auto& when = event["timestamp"];
    const bool has_status = event.HasMember("data") && event["data"].HasMember("status");
    events_.push_back({event["event"].GetString(), has_status ? event["data"]["status"].GetString() : "",
                       when["seconds"].GetDouble() * 1e3 + when["microseconds"].GetDouble() / 1e3});
    return true;
}

std::optional<std::string> Monitor::try_command(const std::string& name, const std::string& arguments, int descriptor)
{
    std::string request = R"({"execute":")" + name + "\"";
    if (!arguments.empty())
        request += R"(,"arguments":)" + arguments;
    request += "}\n";
    EXPECT_TRUE(send_with(socket_.get(), request, descriptor));
    for (;;) {
        const auto line = read_line();
        if (!line) {
            ADD_FAILURE() << "QEMU ended at " << request;
            return std::nullopt;
        }
        if (keep_event(*line))
            continue;
        rapidjson::Document answer;
        answer.Parse(line->data(), line->size());
        if (!answer.IsObject() || !answer.HasMember("return")) {
            refusal_ = *line;
            return std::nullopt;
        }
        rapidjson::StringBuffer buffer;
        rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
        answer["return"].Accept(writer);
        return buffer.GetString();
    }
}

std::string Monitor::command(const std::string& name, const std::string& arguments)
{
    auto answer = try_command(name, arguments);
    EXPECT_TRUE(answer) << "QEMU refused " << name << " " << arguments << ": " << refusal_;
    return answer.value_or("{}");
}

double Monitor::wait_for(const std::string& event, const std::string& status)
{
    std::size_t seen = 0;
    for (;;) {
        for (; seen < events_.size(); ++seen) {
            if (events_[seen].name == "MIGRATION" && events_[seen].status == "failed" && status != "failed") {
                ADD_FAILURE() << "the migration failed";
                return 0;
            }
            if (events_[seen].name == event && (status.empty() || events_[seen].status == status))
                return events_[seen].ms;
        }
        const auto line = read_line();
        if (!line) {
            ADD_FAILURE() << "QEMU did not say " << event << " " << status;
            return 0;
        }
        keep_event(*line);
    }
}

}  // namespace banger::proofs
