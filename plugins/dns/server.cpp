// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "server.hpp"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <exception>

#include "tcp_connections.hpp"

namespace banger::dns {
namespace {

constexpr std::size_t batch_size = 64;
constexpr std::size_t longest_question = 4096;  // what is longer is no question that has one name in it

bool watch(int epoll, int fd)
{
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

/// Questions that are taken with one call, and their answers, which go with another: calls cost more than answers.
struct Server::Batch {
    std::array<std::array<char, longest_question>, batch_size> bytes;
    std::array<sockaddr_storage, batch_size> senders;
    std::array<iovec, batch_size> places;
    std::array<mmsghdr, batch_size> questions;
    std::array<std::string, batch_size> texts;
    std::array<iovec, batch_size> text_places;
    std::array<mmsghdr, batch_size> answers;
};

sdk::Result<std::unique_ptr<Server>> Server::start(const Zone& zone, Sockets sockets)
{
    sdk::os::UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    sdk::os::UniqueFd stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!epoll || !stop || !watch(epoll.get(), stop.get()) || !watch(epoll.get(), sockets.datagrams.get()) ||
        !watch(epoll.get(), sockets.listener.get()))
        return sdk::os_error("watch the sockets of the name server");
    return std::unique_ptr<Server>(new Server(zone, std::move(sockets), std::move(epoll), std::move(stop)));
}

Server::Server(const Zone& zone, Sockets sockets, sdk::os::UniqueFd epoll, sdk::os::UniqueFd stop)
    : answers_(zone),
      sockets_(std::move(sockets)),
      epoll_(std::move(epoll)),
      stop_(std::move(stop)),
      batch_(std::make_unique<Batch>())
{
    // Signals are the daemon's.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Server::~Server()
{
    const std::uint64_t one = 1;
    (void)!::write(stop_.get(), &one, sizeof one);
    thread_.join();
}

std::string Server::answer_to(std::string_view packet, Transport transport)
{
    try {
        return answers_.answer(packet, transport);
    } catch (const std::exception&) {
        return {};  // no memory: who asks again may be answered
    }
}

void Server::run()
{
    TcpConnections connections(epoll_.get(),
                               [this](std::string_view packet) { return answer_to(packet, Transport::tcp); });
    std::array<epoll_event, 64> events{};
    for (;;) {
        const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), connections.expire());
        for (int i = 0; i < count; ++i) {
            const int fd = events[i].data.fd;
            if (fd == stop_.get())
                return;
            if (fd == sockets_.datagrams.get())
                answer_datagrams();
            else if (fd == sockets_.listener.get())
                connections.accept_all(fd);
            else
                connections.serve(fd, events[i].events);
        }
    }
}

void Server::answer_datagrams()
{
    Batch& batch = *batch_;
    for (std::size_t i = 0; i < batch_size; ++i) {
        batch.places[i] = {batch.bytes[i].data(), batch.bytes[i].size()};
        batch.questions[i] = {};
        batch.questions[i].msg_hdr.msg_name = &batch.senders[i];
        batch.questions[i].msg_hdr.msg_namelen = sizeof batch.senders[i];
        batch.questions[i].msg_hdr.msg_iov = &batch.places[i];
        batch.questions[i].msg_hdr.msg_iovlen = 1;
    }
    const int got = ::recvmmsg(sockets_.datagrams.get(), batch.questions.data(), batch_size, MSG_DONTWAIT, nullptr);
    std::size_t ready = 0;
    for (int i = 0; i < got; ++i) {
        const mmsghdr& question = batch.questions[i];
        if ((question.msg_hdr.msg_flags & MSG_TRUNC) != 0)
            continue;
        batch.texts[ready] = answer_to({batch.bytes[i].data(), question.msg_len}, Transport::udp);
        if (batch.texts[ready].empty())
            continue;
        batch.text_places[ready] = {batch.texts[ready].data(), batch.texts[ready].size()};
        batch.answers[ready] = {};
        batch.answers[ready].msg_hdr.msg_name = question.msg_hdr.msg_name;
        batch.answers[ready].msg_hdr.msg_namelen = question.msg_hdr.msg_namelen;
        batch.answers[ready].msg_hdr.msg_iov = &batch.text_places[ready];
        batch.answers[ready].msg_hdr.msg_iovlen = 1;
        ++ready;
    }
    for (std::size_t sent = 0; sent < ready;) {
        const int count = ::sendmmsg(sockets_.datagrams.get(), &batch.answers[sent],
                                     static_cast<unsigned>(ready - sent), MSG_DONTWAIT);
        // One that cannot go is passed over: its sender asks again.
        sent += count > 0 ? static_cast<std::size_t>(count) : 1;
    }
}

}  // namespace banger::dns
