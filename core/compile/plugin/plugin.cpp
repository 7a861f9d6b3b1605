// Registers the lowering with clang: the only C++ of the project. Everything that is done to the
// module is in C, over LLVM's C interface (lower.c).

#include <llvm/IR/Module.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Passes/PassPlugin.h>

extern "C" {
#include "lower.h"
}

namespace
{

struct LowerDialect : llvm::PassInfoMixin<LowerDialect> {
    llvm::PreservedAnalyses run(llvm::Module &module, llvm::ModuleAnalysisManager &)
    {
        lower_module(llvm::wrap(&module));
        return llvm::PreservedAnalyses::none();
    }
};

struct CheckResult : llvm::PassInfoMixin<CheckResult> {
    llvm::PreservedAnalyses run(llvm::Module &module, llvm::ModuleAnalysisManager &)
    {
        lower_check(llvm::wrap(&module));
        return llvm::PreservedAnalyses::all();
    }
};

} // namespace

extern "C" LLVM_ATTRIBUTE_WEAK __attribute__((visibility("default"))) ::llvm::PassPluginLibraryInfo
llvmGetPassPluginInfo()
{
    return {
        LLVM_PLUGIN_API_VERSION, "luabpf", "1", [](llvm::PassBuilder &builder) {
            builder.registerPipelineStartEPCallback(
                [](llvm::ModulePassManager &passes, llvm::OptimizationLevel) {
                    passes.addPass(LowerDialect());
                });
            // LLVM 20 added an argument.
            builder.registerOptimizerLastEPCallback(
                [](llvm::ModulePassManager &passes, auto &&...) { passes.addPass(CheckResult()); });
        }};
}
