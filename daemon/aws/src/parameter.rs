//! `AWS::SSM::Parameter`: a value in Parameter Store, plain or encrypted.
//!
//! Beyond AWS's schema of the type, which CloudFormation cannot fill for lack of a safe place for the value, evenkeel
//! takes `Type: SecureString` and `KeyId`.

mod api;
mod spec;

pub(crate) use api::Parameters;
pub(crate) use spec::Parameter;
