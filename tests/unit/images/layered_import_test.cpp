// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
// A stream of several layers, of which later ones change what earlier ones brought.
#include "tar_import_test.hpp"

namespace banger::images {
namespace {

using namespace testing;

TarBuilder& layer(TarBuilder& stream, const std::string& name)
{
    return stream.file(".wh..wh..layer", name);
}

TEST_F(TarImport, WhiteoutsTakeWhatLowerLayersBroughtWhereverTheyStand)
{
    TarBuilder tar;
    layer(tar, "low").directory("d").file("d/a", "low").file("d/b", "low").file("e", "low").file("f", "low");
    tar.directory("root").file("root/x", "low").file("root/y", "low");
    layer(tar, "high").file("d/c", "high").file("d/.wh..wh..opq", "").file("e", "high").file(".wh.e", "");
    tar.file(".wh.f", "").file("root/.wh.x", "");
    const auto outcome = import(tar.bytes());
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(outcome->layers.size(), 2U);
    EXPECT_EQ(root.names_in("d"), std::vector<std::string>{"c"});
    EXPECT_EQ(root.read_file("e", 10)->value_or("gone"), "high");
    EXPECT_FALSE(root.kind_of("f"));
    EXPECT_EQ(work.names_in(""), std::vector<std::string>{"y"});
    finish_clean();
}

TEST_F(TarImport, WhiteoutsOfWholeTreesKeepWhatTheirOwnLayerBrought)
{
    TarBuilder tar;
    layer(tar, "low").file("d/old/f", "low").file("d/kept/old", "low").file("root/x", "low").file("e/f", "low");
    layer(tar, "high").file("d/kept/new", "high").file(".wh.d", "").file("root/new", "high").file(".wh.e", "");
    layer(tar, "highest").file(".wh..wh..opq", "").file("d/last", "highest").file("root/last", "highest");
    layer(tar, "nothing").file(".wh.root", "").file("d/.wh.missing", "").file("missing/.wh.missing", "");
    const auto outcome = import(tar.bytes());
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(root.names_in(""), (std::vector<std::string>{"d", "root"})) << "the mount point of the work disk stays";
    EXPECT_EQ(root.names_in("d"), std::vector<std::string>{"last"});
    EXPECT_EQ(work.names_in(""), std::vector<std::string>{});
    finish_clean();
}

TEST_F(TarImport, AWhiteoutGoesThroughWhatItsLayerBroughtInto)
{
    TarBuilder tar;
    layer(tar, "low").file("d/a/old", "low").file("d/b/old", "low").file("d/c", "low");
    layer(tar, "high").file("d/a/new", "high").file("d/.wh..wh..opq", "").file("d/b/new", "high");
    const auto outcome = import(tar.bytes());
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(root.names_in("d"), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(root.names_in("d/a"), std::vector<std::string>{"new"});
    EXPECT_EQ(root.names_in("d/b"), std::vector<std::string>{"new"});
    finish_clean();
}

TEST_F(TarImport, LaterLayersReplaceDirectoriesByFilesAndBackAndLinkToLowerFiles)
{
    TarBuilder tar;
    layer(tar, "1").directory("d").file("d/a", "low").file("f", "low").file("kept", "kept");
    layer(tar, "2").file("d", "file").directory("f").file("f/x", "x").hard_link("f/link", "kept");
    layer(tar, "3").directory("d").file("d/new", "new").file("kept", "other");
    const auto outcome = import(tar.bytes());
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(root.names_in("d"), std::vector<std::string>{"new"});
    EXPECT_EQ(root.read_file("f/link", 10)->value_or("gone"), "kept");
    EXPECT_EQ(root.read_file("kept", 10)->value_or("gone"), "other");
    finish_clean();
}

TEST_F(TarImport, LayersMayMakeTheHomeOfRootALink)
{
    TarBuilder tar;
    layer(tar, "1").directory("root").file("root/old", "old").directory("var");
    layer(tar, "2").symlink("root", "var/roothome").file("var/roothome/a", "a").file("var/roothome/kept", "2");
    layer(tar, "3").symlink("root", "var/roothome").file("root/b", "b").file("var/roothome/.wh.a", "");
    const auto outcome = import(tar.bytes(), pristine_root());
    ASSERT_EQ(why(outcome), "");
    EXPECT_EQ(work.names_in(""), (std::vector<std::string>{"b", "kept"}));
    EXPECT_EQ(root.kind_of("root"), FileKind::symlink);
    finish_clean();
}

TEST_F(TarImport, AWhiteoutAboveTheHomeOfRootTakesWhatIsInIt)
{
    TarBuilder tar;
    layer(tar, "1").symlink("root", "var/roothome").file("var/roothome/a", "a").file("var/b", "b");
    layer(tar, "2").file(".wh.var", "").file("var/c", "c");
    ASSERT_EQ(why(import(tar.bytes(), pristine_root())), "");
    EXPECT_TRUE(work.is_empty(""));
    EXPECT_EQ(root.names_in("var"), (std::vector<std::string>{"c", "roothome"})) << "the mount point stays";
    finish_clean();
}

TEST_F(TarImport, AWhiteoutTakesWhatIsDroppedAsWell)
{
    const auto outcome_of = [&](const std::string& whiteout, bool again) {
        ::unlink((dir / "dropped").c_str());
        auto dropped = make_writer(dir / "dropped");
        TarBuilder tar;
        layer(tar, "1").file("tmp/a", "old");
        layer(tar, "2").file(whiteout, "");
        if (again)
            tar.file("tmp/a", "new");
        tar.hard_link("usr/b", "tmp/a");
        const auto fd = file_with(tar.bytes());
        ImportPlan plan{root};
        plan.work = &work;
        plan.filter = pristine_root();
        plan.dropped = &dropped;
        return why(import_tar(fd.get(), plan));
    };
    for (const char* whiteout : {"tmp/.wh.a", "tmp/.wh..wh..opq", ".wh.tmp"})
        EXPECT_NE(outcome_of(whiteout, false).find("which images are freed of"), std::string::npos) << whiteout;
    EXPECT_EQ(outcome_of("tmp/.wh.a", true), "");
    EXPECT_EQ(content_of(root, "usr/b"), "new");
}

TEST_F(TarImport, TellsHowFarTheEntriesOfEachLayerReach)
{
    constexpr std::uint64_t block = 512;
    TarBuilder tar;
    layer(tar, "low").file("a", std::string(513, 'a')).file("b", std::string(10, 'b'));
    std::string stream = tar.bytes();  // with the end that an archive has
    TarBuilder second;
    layer(second, "high").directory("d").add({.name = "dev/dropped", .content = std::string(700, 'c')});
    layer(second, "empty");
    stream += second.bytes();
    const auto outcome = import(stream, pristine_root());
    ASSERT_EQ(why(outcome), "");
    ASSERT_EQ(outcome->layers.size(), 3U);
    EXPECT_EQ(outcome->layers[0].bytes, 4 * block + 10);
    EXPECT_EQ(outcome->layers[0].last_entry, "b");
    EXPECT_EQ(outcome->layers[1].bytes, 2 * block + 700) << "also of what is left out";
    EXPECT_EQ(outcome->layers[1].name, "high");
    EXPECT_EQ(outcome->layers[2].bytes, 0U);
    EXPECT_EQ(outcome->layers[2].last_entry, "");
}

TEST_F(TarImport, ErrorsInLayersNameTheLayerAndTheEntry)
{
    TarBuilder twice;
    layer(layer(twice, "fine").file("a", ""), "sha256:bad").file("b", "").file("b", "");
    const auto outcome = import(twice.bytes());
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().message, "the layer holds 'b' twice");
    EXPECT_EQ(outcome.error().during, (std::vector<std::string>{"take 'b'", "read layer 2 (sha256:bad)"}));
    for (const auto* name : {"a/.wh..", "a/.wh.", "a/.wh..."}) {
        TarBuilder nothing;
        layer(nothing, "x").file(name, "");
        EXPECT_NE(refusal(nothing), "") << name;
    }
    TarBuilder through;
    layer(through, "1").symlink("s", "/etc");
    layer(through, "2").file("s/passwd", "x");
    EXPECT_NE(refusal(through), "");
}

}  // namespace
}  // namespace banger::images
