// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// net-tap, and whoever else changes the host's firewall.
#include <gmock/gmock.h>
#include <poll.h>

#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "table_changes.hpp"
#include "tests/integration/tap_fixture.hpp"

namespace banger::tap {
namespace {

using sdk::Egress;
using ::testing::HasSubstr;

std::unique_ptr<TableChanges> rule_changes(const sdk::Host& of)
{
    auto changes = TableChanges::open("banger_" + of.instance());
    EXPECT_TRUE(changes) << changes.error().message;
    if (changes)
        changes->expect_all_rules(true);
    return changes ? std::make_unique<TableChanges>(std::move(*changes)) : nullptr;
}

// Transactions, until there are none for half a second.
unsigned until_quiet(const std::vector<TableChanges*>& changes)
{
    constexpr int quiet_ms = 500;
    constexpr unsigned endless = 10;
    std::vector<pollfd> changed;
    for (const auto* each : changes)
        changed.push_back({each->descriptor(), POLLIN, 0});
    unsigned times = 0;
    while (times < endless && ::poll(changed.data(), changed.size(), quiet_ms) > 0)
        for (auto* each : changes) {
            const auto seen = each->read();
            EXPECT_TRUE(seen.is_all);
            times += seen.of_table;
        }
    EXPECT_LT(times, endless);
    return times;
}

// Line by line, whatever was made first.
std::multiset<std::string> rules()
{
    std::multiset<std::string> rules;
    std::istringstream lines(said({"nft", "list", "ruleset"}));
    for (std::string line; std::getline(lines, line);)
        rules.insert(line);
    return rules;
}

void wait_for(const std::multiset<std::string>& wanted, const std::vector<TableChanges*>& changes)
{
    constexpr int patience_ms = 10000;
    std::vector<pollfd> changed;
    for (const auto* each : changes)
        changed.push_back({each->descriptor(), POLLIN, 0});
    for (auto now = rules(); now != wanted; now = rules()) {
        ASSERT_GT(::poll(changed.data(), changed.size(), patience_ms), 0) << ::testing::PrintToString(now);
        for (auto* each : changes)
            (void)each->read();
    }
}

void expect_speaks_for_itself_alone(const Guest& guest, const sdk::Link& link, const std::string& own, const std::string& another)
{
    const FrameSocket bridge("br-banger");
    const auto sends = guest.frames();
    const Mac mac = mac_from(link.mac);
    const auto lie = arp_answer(mac, mac, another);
    const auto truth = arp_answer(mac, mac, own);
    sends->send(lie);
    sends->send(truth);
    for (const auto& came : bridge.until(truth))
        EXPECT_NE(came, lie);
}

TEST_F(Tap, RulesThatSomebodyTookAwayAreBackForTheNextGuestAndForThoseThatRun)
{
    make_outside();
    const auto earlier = must_attach(new_spec()).value;
    const Guest runs(earlier);
    const std::string table = "inet banger_" + host.instance();
    for (const std::string& taken : {std::string("flush ruleset"), "delete table " + table, "flush chain " + table + " forward",
                                     "delete table netdev banger_" + host.instance(), std::string("add table inet somebody")}) {
        said({"nft", taken});
        const auto later = must_attach(new_spec()).value;
        const Guest guest(later);
        for (const Guest* each : {&guest, &runs}) {
            EXPECT_TRUE(each->reaches(on_the_internet)) << taken;
            EXPECT_FALSE(each->reaches(private_host)) << taken;
        }
        expect_speaks_for_itself_alone(runs, earlier, address_in(earlier), address_in(later));
    }
    EXPECT_THAT(said({"nft", "list", "tables"}), HasSubstr("inet somebody"));
}

TEST_F(Tap, RulesThatSomebodyTookAwayAreBackAlsoWhereNobodyStartsAGuest)
{
    make_outside();
    config.pool = 0;
    reopen();
    const auto internet = must_attach(new_spec()).value;
    const auto all = must_attach(new_spec(Egress::all)).value;
    const Guest guest(internet);
    const Guest other(all);
    const auto expect_policies = [&](const std::string& when) {
        EXPECT_TRUE(guest.reaches(on_the_internet)) << when;
        EXPECT_FALSE(guest.reaches(private_host)) << when;
        EXPECT_TRUE(other.reaches(private_host)) << when;
        expect_speaks_for_itself_alone(guest, internet, address_in(internet), address_in(all));
    };
    for (const std::string& taken :
         {std::string("flush ruleset"), "flush chain netdev banger_" + host.instance() + " from_" + internet.attachment.fields.at("name"),
          "flush set inet banger_" + host.instance() + " to_internet"}) {
        const auto before = rules();
        const auto changes = rule_changes(host);
        said({"nft", taken});
        wait_for(before, {changes.get()});
        expect_policies(taken);
    }
    // While there was no provider, and so nobody who could have seen it.
    network.reset();
    const auto before = rules();
    said({"nft", "flush ruleset"});
    const auto changes = rule_changes(host);
    network = make_network(host, config);
    EXPECT_EQ(network->list()->size(), 2U);
    wait_for(before, {changes.get()});
    expect_policies("the provider came back");
}

TEST_F(Tap, TwoInstallationsPutTheirRulesBackAndThenRest)
{
    config.pool = 0;
    reopen();
    (void)must_attach(new_spec());
    sdk::testing::FakeHost second;
    const auto theirs = make_network(second, config);
    const auto attached = theirs->attach({second.new_owner(), Egress::internet, "link:tap"}, call);
    ASSERT_TRUE(attached) << attached.error().message;
    ASSERT_TRUE(theirs->connect(attached->handle, call));
    const auto before = rules();
    const auto ours = rule_changes(host);
    const auto others = rule_changes(second);
    said({"nft", "flush ruleset"});
    wait_for(before, {ours.get(), others.get()});
    until_quiet({ours.get(), others.get()});  // what one of them does is no reason for the other
    EXPECT_EQ(rules(), before);
    EXPECT_TRUE(theirs->release(attached->handle));
}

TEST_F(Tap, RulesOfManyGuestsAreSaidOnceAndThenLeftAlone)
{
    constexpr int guests = 20;
    config.pool = 0;
    reopen();
    for (int i = 0; i < guests; ++i)
        (void)must_attach(new_spec());
    const auto before = rules();
    const auto changes = rule_changes(host);
    said({"nft", "flush ruleset"});
    wait_for(before, {changes.get()});
    until_quiet({changes.get()});
    (void)must_attach(new_spec());
    EXPECT_LE(until_quiet({changes.get()}), 2U) << "a tap that is made, and a guest that is admitted";
}

}  // namespace
}  // namespace banger::tap
