// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "qmp.hpp"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "banger/sdk/os/file.hpp"

namespace banger::qemu {
namespace {

using sdk::Code;
using sdk::make_error;

constexpr std::size_t longest_line = 16U << 20U;

std::string text_of(const rapidjson::Value& value)
{
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    value.Accept(writer);
    return buffer.GetString();
}

std::int64_t whole_number_in(const rapidjson::Value& object, const char* key)
{
    return object.HasMember(key) && object[key].IsInt64() ? object[key].GetInt64() : 0;
}

sdk::Error ended()
{
    return make_error(Code::unavailable, "QEMU ended");
}

sdk::Error described(std::string_view command, const rapidjson::Value& error)
{
    const bool has = error.IsObject() && error.HasMember("desc") && error["desc"].IsString();
    return make_error(Code::precondition, "QEMU refused " + std::string(command) + ": " +
                                              (has ? error["desc"].GetString() : "no reason given"));
}

std::string request_of(std::string_view command, unsigned long id, std::string_view arguments)
{
    std::string request = R"({"execute":")" + std::string(command) + R"(","id":)" + std::to_string(id);
    if (!arguments.empty())
        request += R"(,"arguments":)" + std::string(arguments);
    return request + "}\n";
}

}  // namespace

sdk::Result<std::string> Qmp::read_line(const QmpLimits& limits)
{
    for (;;) {
        if (const auto end = received_.find('\n'); end != std::string::npos) {
            std::string line = received_.substr(0, end);
            received_.erase(0, end + 1);
            return line;
        }
        if (received_.size() > longest_line)
            return make_error(Code::corrupt, "QEMU sent a line without an end");
        if (auto ready = sdk::os::wait_readable(socket_.get(), limits.cancel_descriptor, limits.deadline); !ready)
            return std::move(ready).error();
        std::array<char, 16384> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init)
        const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (got > 0)
            received_.append(buffer.data(), static_cast<std::size_t>(got));
        else if (got == 0 || errno == ECONNRESET)
            return ended();
        else if (errno != EINTR && errno != EAGAIN)
            return sdk::os_error("read from QEMU");
    }
}

sdk::Result<Qmp> Qmp::open(sdk::os::UniqueFd socket, const QmpLimits& limits)
{
    Qmp qmp(std::move(socket));
    auto greeting = qmp.read_line(limits);
    if (!greeting)
        return std::move(greeting).error();
    if (greeting->find("\"QMP\"") == std::string::npos)
        return make_error(Code::corrupt, "what listens on the VM's API socket does not speak QMP");
    if (auto answer = qmp.execute("qmp_capabilities", limits); !answer)
        return std::move(answer).error();
    return qmp;
}

sdk::Result<void> Qmp::send(std::string_view request, int descriptor)
{
    while (!request.empty()) {
        iovec part{const_cast<char*>(request.data()), request.size()};  // NOLINT(cppcoreguidelines-pro-type-const-cast)
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
        if (descriptor >= 0) {
            message.msg_control = control.data();
            message.msg_controllen = control.size();
            cmsghdr* header = CMSG_FIRSTHDR(&message);
            header->cmsg_level = SOL_SOCKET;
            header->cmsg_type = SCM_RIGHTS;
            header->cmsg_len = CMSG_LEN(sizeof(int));
            std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
        }
        const ssize_t sent = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return ended();
        descriptor = -1;  // it went with the first byte
        request.remove_prefix(static_cast<std::size_t>(sent));
    }
    return {};
}

sdk::Result<std::string> Qmp::answer_to(unsigned long id, std::string_view command, const QmpLimits& limits)
{
    for (;;) {
        auto line = read_line(limits);
        if (!line)
            return line;
        rapidjson::Document answer;
        answer.Parse(*line);
        if (answer.HasParseError() || !answer.IsObject())
            return make_error(Code::corrupt,
                              "QEMU answered " + std::string(command) + " with something else than JSON");
        if (answer.HasMember("event"))
            events_.push_back(std::move(*line));
        if (!answer.HasMember("id") || !answer["id"].IsUint64() || answer["id"].GetUint64() != id)
            continue;  // an event, or the answer to a command whose caller gave up
        if (answer.HasMember("error"))
            return described(command, answer["error"]);
        return answer.HasMember("return") ? text_of(answer["return"]) : std::string("{}");
    }
}

sdk::Result<std::string> Qmp::execute(std::string_view command, const QmpLimits& limits, std::string_view arguments)
{
    const auto id = next_id_++;
    if (auto sent = send(request_of(command, id, arguments), -1); !sent)
        return std::move(sent).error();
    return answer_to(id, command, limits);
}

sdk::Result<void> Qmp::give(int descriptor, const std::string& name, const QmpLimits& limits)
{
    const auto id = next_id_++;
    if (auto sent = send(request_of("getfd", id, R"({"fdname":")" + name + R"("})"), descriptor); !sent)
        return sent;
    auto taken = answer_to(id, "getfd", limits);
    return taken ? sdk::Result<void>() : std::move(taken).error();
}

sdk::Result<QmpEvent> Qmp::next_event(const QmpLimits& limits)
{
    for (;;) {
        if (events_.empty()) {
            auto line = read_line(limits);
            if (!line)
                return std::move(line).error();
            events_.push_back(std::move(*line));
        }
        rapidjson::Document line;
        line.Parse(events_.front());
        events_.pop_front();
        if (!line.IsObject() || !line.HasMember("event") || !line["event"].IsString())
            continue;  // the answer to a command whose caller gave up
        QmpEvent event{line["event"].GetString()};
        if (line.HasMember("data"))
            event.data = text_of(line["data"]);
        if (line.HasMember("timestamp") && line["timestamp"].IsObject())
            event.when = std::chrono::seconds(whole_number_in(line["timestamp"], "seconds")) +
                         std::chrono::microseconds(whole_number_in(line["timestamp"], "microseconds"));
        return event;
    }
}

}  // namespace banger::qemu
