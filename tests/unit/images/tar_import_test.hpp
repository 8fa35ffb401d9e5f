// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "core/images/tar_import.hpp"
#include "support.hpp"

namespace banger::images {

/// Two disks and what an import into them said.
class TarImport : public ::testing::Test {
protected:
    sdk::Result<ImportOutcome> import(const std::string& tar, EntryFilter filter = {})
    {
        const auto fd = testing::file_with(tar);
        ImportPlan plan{root};
        plan.work = &work;
        plan.filter = std::move(filter);
        plan.limits = limits;
        plan.captures = captures;
        plan.probes = probes;
        return import_tar(fd.get(), plan);
    }
    void finish_clean()
    {
        ASSERT_EQ(testing::why(root.finish()), "");
        ASSERT_EQ(testing::why(work.finish()), "");
        EXPECT_EQ(testing::complaints(dir / "root"), "");
        EXPECT_EQ(testing::complaints(dir / "work"), "");
    }
    std::string refusal(const testing::TarBuilder& tar)
    {
        ::unlink((dir / "refused").c_str());
        auto writer = testing::make_writer(dir / "refused");
        const auto fd = testing::file_with(tar.bytes());
        return testing::why(import_tar(fd.get(), ImportPlan{writer}));
    }

    testing::TempDir dir;
    Ext4Writer root = testing::make_writer(dir / "root");
    Ext4Writer work = testing::make_writer(dir / "work");
    ImportLimits limits;
    std::vector<std::string> captures;
    std::vector<std::string> probes;
};

}  // namespace banger::images
