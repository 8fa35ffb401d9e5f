// Copyright the banger authors. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli/arguments.hpp"
#include "cli/context.hpp"

/// `banger image …` and `banger kernel …`: the same verbs over two catalogues.
namespace banger::cli {

enum class Catalogue { images, kernels };

struct CatalogueList {
    Catalogue of = Catalogue::images;
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
    std::string name;
    static Syntax syntax(Catalogue of);
    static sdk::Result<CataloguePull> parse(Catalogue of, const Arguments& arguments);
};
sdk::Result<Exit> run(const CataloguePull& verb, Context& context);

struct ImageImport {
    std::string path;
    std::string name;
    static Syntax syntax();
    static sdk::Result<ImageImport> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const ImageImport& verb, Context& context);

struct ImageCachePrune {
    bool dry_run = false;
    static Syntax syntax();
    static sdk::Result<ImageCachePrune> parse(const Arguments& arguments);
};
sdk::Result<Exit> run(const ImageCachePrune& verb, Context& context);

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
