// Registers the lowering with clang. Like compile/clang this is C++; nothing else of the project
// is. What is done to the module is in C, over LLVM's C interface (lower.c); what that lacks is
// here.

#include <llvm/IR/DebugInfoMetadata.h>
#include <llvm/IR/GlobalVariable.h>
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

struct LowerOptimized : llvm::PassInfoMixin<LowerOptimized> {
    llvm::PreservedAnalyses run(llvm::Module &module, llvm::ModuleAnalysisManager &)
    {
        lower_optimized(llvm::wrap(&module));
        return llvm::PreservedAnalyses::none();
    }
};

} // namespace

// In C, metadata of a global has no name.
extern "C" LLVMValueRef lower_global_metadata(LLVMValueRef global, const char *kind)
{
    llvm::MDNode *node = llvm::unwrap<llvm::GlobalVariable>(global)->getMetadata(kind);

    return node ? llvm::wrap(llvm::MetadataAsValue::get(node->getContext(), node)) : nullptr;
}

// In C, there is no way to say which unit: a builder that did not make the unit has none.
extern "C" void lower_set_unit(LLVMMetadataRef subprogram, LLVMMetadataRef other)
{
    llvm::unwrap<llvm::DISubprogram>(subprogram)
        ->replaceUnit(llvm::unwrap<llvm::DISubprogram>(other)->getUnit());
}

extern "C" LLVM_ATTRIBUTE_WEAK __attribute__((visibility("default"))) ::llvm::PassPluginLibraryInfo
llvmGetPassPluginInfo()
{
    lower_report_success();
    return {LLVM_PLUGIN_API_VERSION, "luabpf", "1", [](llvm::PassBuilder &builder) {
                builder.registerPipelineStartEPCallback(
                    [](llvm::ModulePassManager &passes, llvm::OptimizationLevel) {
                        passes.addPass(LowerDialect());
                    });
                // LLVM 20 added an argument.
                builder.registerOptimizerLastEPCallback(
                    [](llvm::ModulePassManager &passes, auto &&...) {
                        passes.addPass(LowerOptimized());
                    });
            }};
}
