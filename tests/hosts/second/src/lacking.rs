//! The module without a function of its host: as it would be on a host that lacks it.

use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{CodeSection, Instruction, Module};
use wasmparser::{FunctionBody, ImportSectionReader, Operator, Parser, TypeRef};

/// What becomes of each call of a function of the host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lack {
    /// The host traps.
    Traps,
    /// The host says that it does not have it. For functions with one argument.
    SaysSo,
}

/// `Unimplemented` of the ABI.
const UNIMPLEMENTED: i32 = 12;

/// The same module where these functions are lacking.
pub(crate) fn lacking(module: &[u8], functions: &[(&str, Lack)]) -> Vec<u8> {
    let mut changed = Module::new();
    let mut lacking = Lacking { functions, numbers: Vec::new() };
    lacking
        .parse_core_module(&mut changed, Parser::new(0), module)
        .expect("a module that can be read");
    assert_eq!(lacking.numbers.len(), functions.len(), "the module calls no {functions:?}");
    changed.finish()
}

struct Lacking<'f> {
    functions: &'f [(&'f str, Lack)],
    /// Numbers of the functions in the module.
    numbers: Vec<(u32, Lack)>,
}

impl Reencode for Lacking<'_> {
    type Error = std::convert::Infallible;

    fn parse_import_section(
        &mut self,
        imports: &mut wasm_encoder::ImportSection,
        section: ImportSectionReader<'_>,
    ) -> Result<(), Error> {
        let mut number = 0;
        for import in section {
            let import = import?;
            if matches!(import.ty, TypeRef::Func(_)) {
                let known = self.functions.iter().find(|(name, _)| *name == import.name);
                self.numbers.extend(known.map(|(_, lack)| (number, *lack)));
                number += 1;
            }
            self.parse_import(imports, import)?;
        }
        Ok(())
    }

    fn parse_function_body(
        &mut self,
        code: &mut CodeSection,
        body: FunctionBody<'_>,
    ) -> Result<(), Error> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        for operator in body.get_operators_reader()? {
            let operator = operator?;
            let lack = match operator {
                Operator::Call { function_index } => {
                    self.numbers.iter().find(|(number, _)| *number == function_index)
                }
                _ => None,
            };
            match lack {
                Some((_, Lack::Traps)) => {
                    function.instruction(&Instruction::Unreachable);
                }
                Some((_, Lack::SaysSo)) => {
                    function.instruction(&Instruction::Drop);
                    function.instruction(&Instruction::I32Const(UNIMPLEMENTED));
                }
                None => {
                    function.instruction(&self.instruction(operator)?);
                }
            }
        }
        code.function(&function);
        Ok(())
    }
}
