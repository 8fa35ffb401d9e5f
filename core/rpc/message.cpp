// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "core/rpc/message.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace banger::rpc {
namespace {

constexpr std::size_t most_descriptors = 16;
constexpr std::size_t most_waiting = 4 * most_descriptors;  // of messages that came in one piece

json::Object answer_to(const RequestId& id)
{
    json::Object object;
    object.set("jsonrpc", "2.0");
    if (const auto value = json::parse(id, "an id"))
        object.set("id", *value);
    return object;
}

}  // namespace

std::string encode_request(std::uint64_t id, std::string_view method, const json::Value& params,
                           std::size_t descriptors)
{
    json::Object object;
    object.set("jsonrpc", "2.0").set("id", id).set("method", method).set("params", params);
    if (descriptors > 0)
        object.set("descriptors", static_cast<std::uint64_t>(descriptors));
    return object.text() + "\n";
}

std::string encode_notification(std::string_view method, const json::Value& params)
{
    json::Object object;
    object.set("jsonrpc", "2.0").set("method", method).set("params", params);
    return object.text() + "\n";
}

std::string encode_result(const RequestId& id, const json::Value& result, std::size_t descriptors)
{
    json::Object object = answer_to(id);
    object.set("result", result);
    if (descriptors > 0)
        object.set("descriptors", static_cast<std::uint64_t>(descriptors));
    return object.text() + "\n";
}

std::string encode_error(const RequestId& id, const sdk::Error& error, ErrorCode code)
{
    json::Object inner;
    inner.set("code", static_cast<int>(code)).set("message", error.message).set("data", json::from_error(error));
    json::Object object = answer_to(id);
    object.set("error", inner);
    return object.text() + "\n";
}

sdk::Result<MessageReader::Status> MessageReader::receive(int socket)
{
    std::array<char, 65536> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * most_descriptors)> control{};
    iovec part{bytes.data(), bytes.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (takes_descriptors_) {
        header.msg_control = control.data();
        header.msg_controllen = control.size();
    }
    const ssize_t got = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return Status::would_block;
    if (got < 0 && errno == ECONNRESET)
        return Status::closed;
    if (got < 0)
        return sdk::os_error("read from a socket");
    if (!takes_descriptors_ && (header.msg_flags & MSG_CTRUNC) != 0)
        return sdk::make_error(sdk::Code::invalid, "descriptors came, and none are taken here");
    for (cmsghdr* at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(&header, at)) {
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
            continue;
        const std::size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(at) + i * sizeof(int), sizeof fd);
            descriptors_.emplace_back(fd);
        }
    }
    if (got == 0)
        return Status::closed;
    if (buffer_.size() + static_cast<std::size_t>(got) > most_)
        return sdk::make_error(sdk::Code::invalid, "a message is longer than " + std::to_string(most_) + " bytes");
    if (descriptors_.size() > most_waiting)
        return sdk::make_error(sdk::Code::invalid, "more descriptors came than any message has");
    buffer_.append(bytes.data(), static_cast<std::size_t>(got));
    return Status::got_some;
}

sdk::Result<std::optional<Message>> MessageReader::next()
{
    const auto end = buffer_.find('\n', searched_);
    if (end == std::string::npos) {
        searched_ = buffer_.size();
        return std::optional<Message>();
    }
    auto body = json::parse_object(std::string_view(buffer_).substr(0, end), "a message");
    buffer_.erase(0, end + 1);
    searched_ = 0;
    if (!body)
        return std::move(body).error();
    Message message;
    message.body = std::move(*body);
    const auto wanted = static_cast<std::size_t>(json::uint_or(message.body, "descriptors"));
    if (wanted > descriptors_.size())
        return sdk::make_error(sdk::Code::invalid, "a message came without its descriptors");
    for (std::size_t i = 0; i < wanted; ++i)
        message.descriptors.push_back(std::move(descriptors_[i]));
    descriptors_.erase(descriptors_.begin(), descriptors_.begin() + static_cast<std::ptrdiff_t>(wanted));
    return std::optional<Message>(std::move(message));
}

sdk::Result<std::size_t> send_some(int socket, std::string_view bytes,
                                   const std::vector<sdk::os::UniqueFd>& descriptors)
{
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * most_descriptors)> control{};
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (descriptors.size() > most_descriptors)
        return sdk::make_error(sdk::Code::internal, "too many descriptors for one message");
    if (!descriptors.empty()) {
        header.msg_control = control.data();
        header.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
        for (std::size_t i = 0; i < descriptors.size(); ++i) {
            const int fd = descriptors[i].get();
            std::memcpy(CMSG_DATA(rights) + i * sizeof(int), &fd, sizeof fd);
        }
    }
    ssize_t sent = 0;
    do
        sent = ::sendmsg(socket, &header, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno == EAGAIN)
        return std::size_t{0};
    if (sent < 0)
        return sdk::os_error("write to a socket");
    return static_cast<std::size_t>(sent);
}

}  // namespace banger::rpc
