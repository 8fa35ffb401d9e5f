// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "banger/sdk/testing/fake_host.hpp"
#include "core/images/image_store.hpp"
#include "store_test_support.hpp"

namespace banger::images {

inline FindImageSource always(sdk::ImageSource& source)
{
    return [&source](const std::string&) -> sdk::Result<sdk::ImageSource*> { return &source; };
}

/// A registry in which each reference leads to an image of its own.
inline sdk::Result<sdk::ImageStream> pins_each(const sdk::ImageRequest& request, sdk::Call& call)
{
    if (request.recipe.find("\"pin\"") == std::string::npos)
        return testing::gives(testing::small_image().text())(request, call);
    return sdk::ImageStream{"recipe", {{"recipe", R"({"reference": ")" + request.name + "\"}"}, {"identity", request.name}}};
}

/// A directory of images of the test's own, and a catalogue.
class ImageStoreTest : public ::testing::Test {
protected:
    sdk::testing::TemporaryDirectory temporary_;
    std::string directory_ = temporary_.path() + "/images";
    Catalogue catalogue_ = testing::catalogue();

    [[nodiscard]] std::vector<std::string> names() const { return testing::names_in(directory_); }
};

}  // namespace banger::images
