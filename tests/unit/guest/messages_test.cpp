// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "guest/protocol/configure_messages.hpp"
#include "guest/protocol/exec_messages.hpp"
#include "guest/protocol/json.hpp"
#include "guest/protocol/listener_messages.hpp"
#include "guest/protocol/session_messages.hpp"

namespace banger::agent {
namespace {

TEST(ExecSpec, KeepsEveryByteOfArgumentsAndEnvironment)
{
    ExecSpec spec;
    spec.argv = {"printf", "a b", "it's \"quoted\"", "line\nbreak", "\xff\xfe not UTF-8 \x01", "", "h\xc3\xa9"};
    spec.env = {{"K", "v=w"}, {"ODD", "\x80"}};
    spec.cwd = "/tmp/\xe9";
    spec.user = "1000:100";
    spec.tty = true;
    spec.columns = 132;
    spec.rows = 43;
    spec.term = "vt100";
    const auto back = exec_spec_from_json(to_json(spec));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->argv, spec.argv);
    EXPECT_EQ(back->env, spec.env);
    EXPECT_EQ(back->cwd, spec.cwd);
    EXPECT_EQ(back->user, spec.user);
    EXPECT_TRUE(back->tty);
    EXPECT_EQ(back->columns, 132);
    EXPECT_EQ(back->rows, 43);
    EXPECT_EQ(back->term, "vt100");
}

TEST(ExecSpec, RefusesWhatNoProcessCanGet)
{
    for (const char* text :
         {"", "[]", "{", R"({"argv":"ls"})", R"({"argv":[1]})", R"({"argv":["a\u0000b"]})", R"({"env":{"A=B":"c"}})",
          R"({"env":{"":"c"}})", R"({"env":["A"]})", R"({"cols":-1})", R"({"rows":65536})", R"({"tty":"yes"})"}) {
        const auto spec = exec_spec_from_json(text);
        ASSERT_FALSE(spec) << text;
        EXPECT_EQ(spec.error().code, sdk::Code::invalid) << text;
    }
    EXPECT_FALSE(exec_spec_from_json(std::string(1'000'000, '[')));
}

TEST(ExitStatus, IsACodeOrASignal)
{
    EXPECT_EQ(to_json(ExitStatus{42, 0}), R"({"code":42})");
    EXPECT_EQ(to_json(ExitStatus{0, 9}), R"({"signal":9})");
    EXPECT_EQ(exit_status_from_json(R"({"signal":15})")->shell_code(), 143);
    EXPECT_EQ(exit_status_from_json(R"({"code":3})")->shell_code(), 3);
    EXPECT_FALSE(exit_status_from_json(R"({"code":256})"));
}

TEST(SignalNumber, TakesNamesAndNumbers)
{
    EXPECT_EQ(*signal_number("INT"), 2);
    EXPECT_EQ(*signal_number("SIGTERM"), 15);
    EXPECT_EQ(*signal_number("sigusr1"), 10);
    EXPECT_EQ(*signal_number("9"), 9);
    for (const char* text : {"", "0", "65", "-1", "NOPE", "SIG", "2x"})
        EXPECT_FALSE(signal_number(text)) << text;
}

TEST(FileSpec, NeedsAnAbsolutePathAndAPlainMode)
{
    EXPECT_TRUE(file_spec_from_json(R"({"path":"/a"})"));
    EXPECT_FALSE(file_spec_from_json(R"({"path":"a"})"));
    EXPECT_FALSE(file_spec_from_json(R"({"path":"/a","mode":65536})"));
    EXPECT_FALSE(file_spec_from_json(R"({"path":"/a\u0000b"})"));
}

TEST(ConnectSpec, MayBeAConnectionThatIsThere)
{
    ConnectSpec spec;
    spec.accepted = 7;
    spec.refused = true;
    const auto read = connect_spec_from_json(to_json(spec));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->accepted, 7);
    EXPECT_TRUE(read->refused);
    EXPECT_FALSE(connect_spec_from_json(R"({"accepted":7,"tcp":22})"));
    EXPECT_FALSE(connect_spec_from_json(R"({"tcp":22,"refused":true})"));
    EXPECT_FALSE(connect_spec_from_json(R"({"accepted":-7})"));
}

TEST(ListenSpec, IsAPortOrAnAbsolutePath)
{
    ListenSpec tcp;
    tcp.tcp_port = 3000;
    tcp.tcp_address = "::1";
    EXPECT_EQ(listen_spec_from_json(to_json(tcp))->tcp_address, "::1");
    EXPECT_EQ(listen_spec_from_json("{}")->tcp_port, 0);
    ListenSpec file;
    file.unix_path = "/run/s";
    EXPECT_EQ(listen_spec_from_json(to_json(file))->unix_path, "/run/s");
    EXPECT_FALSE(listen_spec_from_json(R"({"unix":"s"})"));
    EXPECT_FALSE(listen_spec_from_json(R"({"unix":"/s","tcp":1})"));
    EXPECT_FALSE(listen_spec_from_json(R"({"tcp":70000})"));
    EXPECT_FALSE(listen_spec_from_json(R"({"tcp":1,"address":"localhost"})"));
    EXPECT_EQ(*listening_from_json(listening_to_json(3000)), 3000);
    EXPECT_EQ(*accepted_from_json(accepted_to_json(1LL << 40)), 1LL << 40);
    EXPECT_FALSE(accepted_from_json(R"({"accepted":-1})"));
}

TEST(ConnectSpec, NamesExactlyOneTarget)
{
    EXPECT_EQ(connect_spec_from_json(R"({"tcp":22})")->tcp_port, 22);
    EXPECT_EQ(connect_spec_from_json(R"({"unix":"/s"})")->unix_path, "/s");
    EXPECT_EQ(connect_spec_from_json(R"({"tcp":22,"address":"::1"})")->tcp_address, "::1");
    EXPECT_FALSE(connect_spec_from_json("{}"));
    EXPECT_FALSE(connect_spec_from_json(R"({"tcp":22,"address":"localhost"})"));
    EXPECT_FALSE(connect_spec_from_json(R"({"unix":"/s","address":"::1"})"));
    EXPECT_FALSE(connect_spec_from_json(R"({"tcp":22,"unix":"/s"})"));
    EXPECT_FALSE(connect_spec_from_json(R"({"unix":")" + std::string(108, 'x') + R"("})"));
}

TEST(EntrySpec, ComesBackWhole)
{
    for (const auto& spec : {EntrySpec{EntrySpec::Type::directory, "/root/d", 0750, {}},
                             EntrySpec{EntrySpec::Type::file, "/root/\xff \n\"", 0600, {}},
                             EntrySpec{EntrySpec::Type::link, "/root/l", 0644, "../\xff"}}) {
        const auto back = entry_spec_from_json(to_json(spec));
        ASSERT_TRUE(back) << back.error().message;
        EXPECT_EQ(back->type, spec.type);
        EXPECT_EQ(back->path, spec.path);
        EXPECT_EQ(back->mode, spec.mode);
        EXPECT_EQ(back->target, spec.target);
    }
}

TEST(ErrorJson, ComesBackWhole)
{
    sdk::Error error{sdk::Code::no_space, "the disk is full", "delete something", {"writing"}};
    const auto back = error_from_json(error_to_json(error));
    EXPECT_EQ(back.code, error.code);
    EXPECT_EQ(back.message, error.message);
    EXPECT_EQ(back.hint, error.hint);
    EXPECT_EQ(back.during, error.during);
    EXPECT_EQ(error_from_json("no json").code, sdk::Code::internal);
}

Configuration sample()
{
    Configuration configuration;
    configuration.token = std::string(64, 'b');
    configuration.hostname = "web-1";
    configuration.machine_id = std::string(32, 'a');
    configuration.clock_ns = 1'700'000'000'000'000'000;
    configuration.authorized_keys = {"ssh-ed25519 AAAA me"};
    configuration.ssh_host_keys = {{"ssh_host_ed25519_key", "private\n", "public\n"}};
    configuration.disks = {{"root", "/", false}, {"modules", "/lib/modules", true}};
    configuration.network = {{"52:54:00:12:34:56", "10.0.2.15/24", "10.0.2.2", {"10.0.2.3"}}};
    configuration.dns_search = {"vm"};
    return configuration;
}

TEST(Configuration, ComesBackWhole)
{
    const auto back = configuration_from_json(to_json(sample()));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(to_json(*back), to_json(sample()));
    EXPECT_EQ(back->init, "auto");
}

TEST(Configuration, RefusesWhatWouldEndUpInFilesAsSomethingElse)
{
    const auto refused = [](auto change) {
        auto configuration = sample();
        change(configuration);
        return !configuration_from_json(to_json(configuration));
    };
    EXPECT_FALSE(refused([](auto& c) { c.token.clear(); }));
    EXPECT_TRUE(refused([](auto& c) { c.token.pop_back(); }));
    EXPECT_TRUE(refused([](auto& c) { c.hostname = "a\nb"; }));
    EXPECT_TRUE(refused([](auto& c) { c.hostname = ""; }));
    EXPECT_TRUE(refused([](auto& c) { c.machine_id = "xyz"; }));
    EXPECT_TRUE(refused([](auto& c) { c.authorized_keys = {"a\nb"}; }));
    EXPECT_TRUE(refused([](auto& c) { c.ssh_host_keys[0].name = "../shadow"; }));
    EXPECT_TRUE(refused([](auto& c) { c.disks[0].mount = "mnt"; }));
    EXPECT_TRUE(refused([](auto& c) { c.disks[0].role = ""; }));
    EXPECT_TRUE(refused([](auto& c) { c.network[0].gateway = "1\n[Match]"; }));
    EXPECT_TRUE(refused([](auto& c) { c.init = "sysv"; }));
}

TEST(Listeners, ComeBackWhole)
{
    const ListenersChange change{{{"0.0.0.0", 80, 12, "ng\"inx"}, {"::1", 65535, 0, ""}}, {{"127.0.0.1", 1, 0, ""}}, true};
    const auto back = listeners_change_from_json(to_json(change));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->appeared, change.appeared);
    EXPECT_EQ(back->gone, change.gone);
    EXPECT_TRUE(back->more);
    EXPECT_TRUE(listeners_spec_from_json(to_json(ListenersSpec{true, false}))->follow);
    EXPECT_TRUE(listeners_spec_from_json(to_json(ListenersSpec{false, true}))->processes);
}

TEST(Listeners, OfAGuestAreNotTrusted)
{
    for (const char* text :
         {"", "[]", R"({"appeared":{}})", R"({"appeared":[1]})", R"({"appeared":[{"address":"::","port":0}]})",
          R"({"appeared":[{"address":"::","port":65536}]})", R"({"gone":[{"address":"host","port":1}]})",
          R"({"appeared":[{"port":1}]})", R"({"more":1})"})
        EXPECT_FALSE(listeners_change_from_json(text)) << text;
    EXPECT_FALSE(listeners_spec_from_json(R"({"follow":true,"processes":true})"));
}

TEST(GuestFacts, ComeBackWhole)
{
    const GuestFacts facts{"6.1.0", "systemd", true, 8ULL << 30U, {{"kernel", 0, 12.5}}};
    const auto back = guest_facts_from_json(to_json(facts));
    ASSERT_TRUE(back);
    EXPECT_EQ(to_json(*back), to_json(facts));
    EXPECT_EQ(back->root_bytes, 8ULL << 30U);
}

TEST(SessionMessages, CarryWhatTheyHold)
{
    SessionSpec spec;
    spec.exec.argv = {"make", "a b", "\xff"};
    spec.exec.env = {{"K", "v"}};
    spec.exec.tty = true;
    spec.name = "build-1.x_Y";
    spec.require = {"make", "gcc"};
    spec.log_bytes = 1U << 20U;
    spec.now_s = 1'700'000'000;
    const auto back = session_spec_from_json(to_json(spec));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->exec.argv, spec.exec.argv);
    EXPECT_EQ(back->exec.env, spec.exec.env);
    EXPECT_TRUE(back->exec.tty);
    EXPECT_EQ(back->name, spec.name);
    EXPECT_EQ(back->require, spec.require);
    EXPECT_EQ(back->log_bytes, spec.log_bytes);
    EXPECT_EQ(back->now_s, spec.now_s);

    SessionFacts facts;
    facts.name = "build";
    facts.state = SessionFacts::State::ended;
    facts.argv = spec.exec.argv;
    facts.ran_ms = 1234;
    facts.end.exit.signal = 15;
    facts.end.by_machine = true;
    facts.dropped_bytes = 7;
    facts.log_problem = "No space left on device";
    SessionFacts lost;
    lost.name = "old";
    lost.state = SessionFacts::State::lost;
    const auto list = sessions_from_json(to_json(std::vector<SessionFacts>{facts, lost}));
    ASSERT_TRUE(list) << list.error().message;
    ASSERT_EQ(list->size(), 2U);
    EXPECT_EQ(to_json((*list)[0]), to_json(facts));
    EXPECT_EQ((*list)[0].end.exit.signal, 15);
    EXPECT_TRUE((*list)[0].end.by_machine);
    EXPECT_EQ((*list)[1].state, SessionFacts::State::lost);
    EXPECT_FALSE((*list)[1].ran_ms);

    const SessionEnd end{{3, 0}, 99, false};
    const auto ended = session_end_from_json(to_json(end));
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->exit.code, 3);
    EXPECT_EQ(ended->ran_ms, 99);
    AttachSpec attach;
    attach.name = "build";
    attach.how = AttachSpec::How::send;
    attach.end_input = true;
    attach.size = {80, 24};
    const auto attached = attach_spec_from_json(to_json(attach));
    ASSERT_TRUE(attached);
    EXPECT_EQ(to_json(*attached), to_json(attach));
    attach.how = AttachSpec::How::control;
    attach.end_input = false;
    attach.steal = true;
    const auto stolen = attach_spec_from_json(to_json(attach));
    ASSERT_TRUE(stolen);
    EXPECT_TRUE(stolen->steal);
    const auto order = session_order_from_json(to_json(SessionOrder{"build", 9, 1000}));
    ASSERT_TRUE(order);
    EXPECT_EQ(order->timeout_ms, 1000);
}

TEST(SessionMessages, RefuseWhatMakesNoSense)
{
    for (const char* name : {"", ".hidden", "-x", "a/b", "a b", "\xc3\xa9", "..", "a\nb"})
        EXPECT_FALSE(check_session_name(name)) << name;
    EXPECT_FALSE(check_session_name(std::string(49, 'x')));
    EXPECT_TRUE(check_session_name(std::string(48, 'x')));
    for (const char* text : {"", "[]", R"({"argv":["x"],"name":"../x"})", R"({"argv":["x"],"tool":"pack"})",
                             R"({"argv":["x"],"require":[""]})", R"({"argv":["x"],"log_bytes":-1})"})
        EXPECT_FALSE(session_spec_from_json(text)) << text;
    for (const char* text : {R"({"name":"x"})", R"({"name":"x","how":"steal"})", R"({"how":"view"})",
                             R"({"name":"x","how":"view","end_input":true})",
                             R"({"name":"x","how":"view","steal":true})",
                             R"({"name":"x","how":"control","cols":65536})"})
        EXPECT_FALSE(attach_spec_from_json(text)) << text;
    for (const char* text : {R"({"name":"x","state":"odd"})", R"({"name":"x","state":"ended","signal":65})",
                             R"({"name":"x","state":"ended","code":256})", R"({"state":"running"})"})
        EXPECT_FALSE(session_facts_from_json(text)) << text;
    EXPECT_FALSE(sessions_from_json(R"({"sessions":[1]})"));
    for (const char* text : {R"({"name":"x","signal":65})", R"({"name":"x","timeout_ms":-1})"})
        EXPECT_FALSE(session_order_from_json(text)) << text;
    EXPECT_EQ(gap_of("123"), 123U);
    EXPECT_EQ(gap_of("nonsense"), 0U);
}

}  // namespace
}  // namespace banger::agent
