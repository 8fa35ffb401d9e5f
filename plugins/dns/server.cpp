// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include "server.hpp"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <exception>

#include "tcp_connections.hpp"

namespace banger::dns {
namespace {

constexpr std::size_t batch_size = 64;
constexpr int most_rounds = 16;
constexpr std::size_t longest_question = 4096;  // what is longer is no question that has one name in it

bool watch(int epoll, int fd)
{
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

/// Questions that are taken with one call, and their answers, which go with another: calls cost more than answers. The kernel
/// changes of it what `renew` sets again.
struct Server::Batch {
    Batch()
    {
        for (std::size_t i = 0; i < batch_size; ++i) {
            places[i] = {bytes[i].data(), bytes[i].size()};
            questions[i] = {};
            questions[i].msg_hdr.msg_name = &senders[i];
            questions[i].msg_hdr.msg_iov = &places[i];
            questions[i].msg_hdr.msg_iovlen = 1;
            answers[i] = {};
            answers[i].msg_hdr.msg_iov = &text_places[i];
            answers[i].msg_hdr.msg_iovlen = 1;
            renew(i);
        }
    }
    void renew(std::size_t i) { questions[i].msg_hdr.msg_namelen = sizeof senders[i]; }

    std::array<std::array<char, longest_question>, batch_size> bytes;
    std::array<sockaddr_storage, batch_size> senders;
    std::array<iovec, batch_size> places;
    std::array<mmsghdr, batch_size> questions;
    std::array<std::array<char, most_udp_bytes>, batch_size> texts;
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

std::string_view Server::answer_to(std::string_view packet, Transport transport)
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

/// Until there are none, or others have waited for long enough.
void Server::answer_datagrams()
{
    for (int round = 0; round < most_rounds; ++round)
        if (answer_batch() < batch_size)
            return;
}

/// How many questions there were.
std::size_t Server::answer_batch()
{
    Batch& batch = *batch_;
    const int got = ::recvmmsg(sockets_.datagrams.get(), batch.questions.data(), batch_size, MSG_DONTWAIT, nullptr);
    const auto count = static_cast<std::size_t>(std::max(got, 0));
    std::size_t ready = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const mmsghdr& question = batch.questions[i];
        const auto answer = (question.msg_hdr.msg_flags & MSG_TRUNC) != 0
                                ? std::string_view()
                                : answer_to({batch.bytes[i].data(), question.msg_len}, Transport::udp);
        if (!answer.empty() && answer.size() <= most_udp_bytes) {
            std::copy(answer.begin(), answer.end(), batch.texts[ready].begin());
            batch.text_places[ready] = {batch.texts[ready].data(), answer.size()};
            batch.answers[ready].msg_hdr.msg_name = question.msg_hdr.msg_name;
            batch.answers[ready].msg_hdr.msg_namelen = question.msg_hdr.msg_namelen;
            ++ready;
        }
        batch.renew(i);
    }
    for (std::size_t sent = 0; sent < ready;) {
        const int went = ::sendmmsg(sockets_.datagrams.get(), &batch.answers[sent], static_cast<unsigned>(ready - sent),
                                    MSG_DONTWAIT);
        // One that cannot go is passed over: its sender asks again.
        sent += went > 0 ? static_cast<std::size_t>(went) : 1;
    }
    return count;
}

}  // namespace banger::dns
