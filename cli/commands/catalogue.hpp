// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "cli/arguments.hpp"
#include "cli/context.hpp"
#include "core/model/json.hpp"

/// `banger image …` and `banger kernel …`: the same verbs over two catalogues.
namespace banger::cli {

enum class Catalogue { images, kernels };

struct CatalogueList {
    Catalogue of = Catalogue::images;
    bool available = false;  ///< only what is not here yet
    static Syntax syntax(Catalogue of);
    static sdk::Result<CatalogueList> parse(Catalogue of, const Arguments& arguments);
};
sdk::Result<Exit> run(const CatalogueList& verb, Context& context);

struct CatalogueShow {
    Catalogue of = Catalogue::images;
    std::string name;
    static Syntax syntax(Catalogue of);
    static sdk::Result<CatalogueShow> parse(Catalogue of, const Arguments& arguments);
};
sdk::Result<Exit> run(const CatalogueShow& verb, Context& context);

struct CataloguePull {
    Catalogue of = Catalogue::images;
    json::Object params = {};  ///< of the daemon's method
    static Syntax syntax(Catalogue of);
    static sdk::Result<CataloguePull> parse(Catalogue of, const Arguments& arguments);
};
sdk::Result<Exit> run(const CataloguePull& verb, Context& context);

struct ImageImport {
    std::string path;
    json::Object params = {};  ///< of the daemon's method, but for the path
    static Syntax syntax();
    static sdk::Result<ImageImport> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const ImageImport& verb, Context& context);

struct ImageRegister {
    json::Object image = {};                     ///< what image.import is asked
    std::optional<json::Object> kernel = {};  ///< what kernel.import is asked before it
    static Syntax syntax();
    static sdk::Result<ImageRegister> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const ImageRegister& verb, Context& context);

struct ImageBuild {
    std::string directory;
    std::string dockerfile;  ///< empty: the builder looks for it
    json::Object image = {};  ///< what image.import is asked, but for the path
    static Syntax syntax();
    static sdk::Result<ImageBuild> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const ImageBuild& verb, Context& context);

struct CatalogueBundle {
    Catalogue of = Catalogue::images;
    json::Object params = {};
    static Syntax syntax(Catalogue of);
    static sdk::Result<CatalogueBundle> parse(Catalogue of, const Arguments& arguments);
};
sdk::Result<Exit> run(const CatalogueBundle& verb, Context& context);

struct CataloguePublish {
    Catalogue of = Catalogue::images;
    json::Object params = {};
    static Syntax syntax(Catalogue of);
    static sdk::Result<CataloguePublish> parse(Catalogue of, const Arguments& arguments);
};
sdk::Result<Exit> run(const CataloguePublish& verb, Context& context);

struct ImagePromote {
    json::Object params = {};
    static Syntax syntax();
    static sdk::Result<ImagePromote> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const ImagePromote& verb, Context& context);

struct KernelImport {
    json::Object params = {};
    static Syntax syntax();
    static sdk::Result<KernelImport> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const KernelImport& verb, Context& context);

struct ImageCachePrune {
    bool dry_run = false;
    static Syntax syntax();
    static sdk::Result<ImageCachePrune> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const ImageCachePrune& verb, Context& context);

struct ImagePrune {
    bool all = false;
    bool force = false;
    bool dry_run = false;
    static Syntax syntax();
    static sdk::Result<ImagePrune> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const ImagePrune& verb, Context& context);

struct CatalogueDelete {
    Catalogue of = Catalogue::images;
    std::string name;
    static Syntax syntax(Catalogue of);
    static sdk::Result<CatalogueDelete> parse(Catalogue of, const Arguments& arguments);
};
sdk::Result<Exit> run(const CatalogueDelete& verb, Context& context);

/// "image" or "kernel": in commands and in the names of the daemon's methods.
std::string noun_of(Catalogue of);

}  // namespace banger::cli
