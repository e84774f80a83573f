#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::tidy {

/// One file of the tree.
struct source_file {
  std::string path; ///< from the root, with /
  std::string text;
};

/// A sentence that names file, line where there is one, and what to do.
using findings = std::vector<std::string>;

// Each rule looks at one file and leaves alone what it is not about.

/// Includes follow the arrows between folders, and each outside library has its one folder.
findings check_includes(const source_file& file);

/// The same arrows in a CMakeLists.txt: which godwit:: targets it names. Product folders never link
/// the variants that tests switch rules off in.
findings check_links(const source_file& file);

/// At most 500 lines, in tests 800.
findings check_length(const source_file& file);

/// No tabs (but where a format is made of them), no carriage returns, no space at the end of a line,
/// a newline at the end of the file.
findings check_whitespace(const source_file& file);

/// No path that exists on its author's machine alone.
findings check_paths(const source_file& file);

/// Headers have #pragma once; nothing says `using namespace caf`, and headers of the product no
/// `using namespace` at all.
findings check_headers(const source_file& file);

/// Rules of the product know neither clock nor chance nor files: these are inputs.
findings check_purity(const source_file& file);

// These look at the whole tree.

/// A folder of the product with sources in it has a README.md.
findings check_readmes(const std::set<std::string>& paths);

/// The documents every newcomer is sent to.
findings check_documents(const std::set<std::string>& paths);

/// A folder with sources is a target of its own.
findings check_targets(const std::set<std::string>& paths);

/// Every source is named in the nearest CMakeLists.txt above it, or anywhere with its whole path, and so
/// is every header of the product: what is not named is not compiled, and a test then cannot fail.
findings check_built(const std::vector<source_file>& files);

/// True for paths that the rules read: sources, scripts, build files and documents.
bool is_text(std::string_view path);

} // namespace godwit::tidy
