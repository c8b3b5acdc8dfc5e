//! The lease table: one DynamoDB table in which replicas keep a heartbeat each and claim applications.
//!
//! Partition key `source` (the tree's identity), sort key `row`: `replica#ID` or `app#NAME`. Every write is conditional;
//! every read is consistent.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ReturnValue,
    ReturnValuesOnConditionCheckFailure, ScalarAttributeType, TableStatus,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use evenkeel_core::engine::lease::{Claim, Replica};

use crate::client::{ConnectError, Options, load};
use crate::error::Failure;
use crate::whole::Whole;

/// How long a new table may take until it can be used.
const CREATION: Duration = Duration::from_secs(60);
/// How often a call is made before it counts as failed.
const TRIES: u32 = 4;
/// The longest pause between two tries: a heartbeat is due every few seconds.
const PAUSE: Duration = Duration::from_millis(500);
const SOURCE: &str = "source";
const ROW: &str = "row";
const BEAT: &str = "beat";
const WANTS: &str = "wants";
const HOLDER: &str = "holder";
const EPOCH: &str = "epoch";
const REVISION: &str = "revision";

/// The table, as one tree of specs uses it.
#[derive(Debug)]
pub struct LeaseTable {
    options: Options,
    client: Mutex<Option<aws_sdk_dynamodb::Client>>,
    table: String,
    source: String,
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It is ours now.
    Ours(Claim),
    /// Somebody else holds it.
    Held {
        /// The replica.
        holder: String,
        /// The epoch of its claim.
        epoch: u64,
    },
}

/// Why the table cannot be used. Each sentence says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// No credentials, no region, no network.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// There is no such table.
    #[error(
        "the lease table {0} does not exist; add ?create=true to --lease, or make it with: aws dynamodb create-table --table-name {0} --billing-mode PAY_PER_REQUEST --attribute-definitions AttributeName=source,AttributeType=S AttributeName=row,AttributeType=S --key-schema AttributeName=source,KeyType=HASH AttributeName=row,KeyType=RANGE"
    )]
    NoTable(String),
    /// The table has other keys.
    #[error(
        "the lease table {table} cannot be used: it needs the partition key `source` and the sort key `row`, both strings ({detail})"
    )]
    WrongKeys {
        /// The table.
        table: String,
        /// What DynamoDB said.
        detail: String,
    },
    /// Anything else.
    #[error("the lease table {table} cannot be used: {detail}")]
    Other {
        /// The table.
        table: String,
        /// What happened.
        detail: String,
    },
}

impl LeaseTable {
    /// The table `name`, for the tree `source`.
    ///
    /// # Errors
    /// [`LeaseError::Connect`].
    pub async fn connect(options: Options, name: &str, source: &str) -> Result<Self, LeaseError> {
        let table = LeaseTable { options, client: Mutex::default(), table: name.to_owned(), source: source.to_owned() };
        table.client().await?;
        Ok(table)
    }

    /// The client; a new one, with credentials that are looked for anew, where the table has refused the last one's.
    async fn client(&self) -> Result<aws_sdk_dynamodb::Client, LeaseError> {
        let known = self.last().clone();
        if let Some(client) = known {
            return Ok(client);
        }
        let config = load(&self.options).await?;
        // No limiter stands before this table, and every call here can be made twice: conditions tell, and a heartbeat counts
        // from before it is sent.
        let retries = RetryConfig::standard().with_max_attempts(TRIES).with_max_backoff(PAUSE);
        let config = aws_sdk_dynamodb::config::Builder::from(&config).retry_config(retries).interceptor(Whole).build();
        let client = aws_sdk_dynamodb::Client::from_conf(config);
        *self.last() = Some(client.clone());
        Ok(client)
    }

    fn last(&self) -> MutexGuard<'_, Option<aws_sdk_dynamodb::Client>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the table where it is not there, paid by request, and waits until it can be used.
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn create(&self) -> Result<(), LeaseError> {
        let sent = self
            .client()
            .await?
            .create_table()
            .table_name(&self.table)
            .billing_mode(BillingMode::PayPerRequest)
            .set_attribute_definitions(Some([SOURCE, ROW].map(attribute).into_iter().flatten().collect()))
            .set_key_schema(Some(
                [(SOURCE, KeyType::Hash), (ROW, KeyType::Range)].map(key_element).into_iter().flatten().collect(),
            ))
            .send()
            .await;
        match sent {
            Ok(_) => {}
            // Another replica may be making it just now.
            Err(error) if code(&error) == Some("ResourceInUseException") => {}
            Err(error) => return Err(self.error(&error)),
        }
        for _ in 0..CREATION.as_secs() {
            let seen = self.client().await?.describe_table().table_name(&self.table).send().await;
            match seen {
                Ok(answer) if answer.table().and_then(|table| table.table_status()) == Some(&TableStatus::Active) => {
                    return Ok(());
                }
                Ok(_) => {}
                // Reads of a table that was just made may still miss it.
                Err(error) if code(&error) == Some("ResourceNotFoundException") => {}
                Err(error) => return Err(self.error(&error)),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let detail = format!("it was not ready {} s after its creation", CREATION.as_secs());
        Err(LeaseError::Other { table: self.table.clone(), detail })
    }

    fn key(&self, row: &str) -> HashMap<String, AttributeValue> {
        HashMap::from([(SOURCE.to_owned(), text(&self.source)), (ROW.to_owned(), text(row))])
    }

    /// Writes a replica's first heartbeat.
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn join(&self, replica: &Replica) -> Result<(), LeaseError> {
        let mut item = self.key(&replica_row(&replica.id));
        item.insert(BEAT.to_owned(), number(replica.beat));
        if let Some(wants) = &replica.wants {
            item.insert(WANTS.to_owned(), AttributeValue::L(wants.iter().map(|app| text(app)).collect()));
        }
        let sent = self.client().await?.put_item().table_name(&self.table).set_item(Some(item)).send().await;
        sent.map(drop).map_err(|error| self.error(&error))
    }

    /// Writes the next heartbeat. `false` where the row is gone: others took this replica for dead.
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn beat(&self, id: &str, beat: u64) -> Result<bool, LeaseError> {
        let sent = self
            .client()
            .await?
            .update_item()
            .table_name(&self.table)
            .set_key(Some(self.key(&replica_row(id))))
            .update_expression("SET #beat = :beat")
            .condition_expression("attribute_exists(#row)")
            .expression_attribute_names("#beat", BEAT)
            .expression_attribute_names("#row", ROW)
            .expression_attribute_values(":beat", number(beat))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(true),
            Err(error) if refused(&error) => Ok(false),
            Err(error) => Err(self.error(&error)),
        }
    }

    /// All heartbeats.
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn replicas(&self) -> Result<Vec<Replica>, LeaseError> {
        let mut out = Vec::new();
        let mut start = None;
        loop {
            let page = self
                .client()
                .await?
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("#source = :source AND begins_with(#row, :replica)")
                .expression_attribute_names("#source", SOURCE)
                .expression_attribute_names("#row", ROW)
                .expression_attribute_values(":source", text(&self.source))
                .expression_attribute_values(":replica", text("replica#"))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| self.error(&error))?;
            out.extend(page.items().iter().filter_map(replica_of));
            start = page.last_evaluated_key().cloned().filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(out);
            }
        }
    }

    /// Removes a replica's row: its own on leaving, or a dead one's, on the condition that its heartbeat did not move.
    /// `false` where it did.
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn remove(&self, id: &str, beat: Option<u64>) -> Result<bool, LeaseError> {
        let mut call =
            self.client().await?.delete_item().table_name(&self.table).set_key(Some(self.key(&replica_row(id))));
        if let Some(beat) = beat {
            call = call
                .condition_expression("attribute_not_exists(#beat) OR #beat = :beat")
                .expression_attribute_names("#beat", BEAT)
                .expression_attribute_values(":beat", number(beat));
        }
        match call.send().await {
            Ok(_) => Ok(true),
            Err(error) if refused(&error) => Ok(false),
            Err(error) => Err(self.error(&error)),
        }
    }

    /// Claims an application: where nobody holds it, or from a holder that is known to be dead.
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn claim(&self, app: &str, me: &str, from: Option<(&str, u64)>) -> Result<Claimed, LeaseError> {
        let mut call = self
            .client()
            .await?
            .update_item()
            .table_name(&self.table)
            .set_key(Some(self.key(&app_row(app))))
            .update_expression("SET #holder = :me ADD #epoch :one")
            .expression_attribute_names("#holder", HOLDER)
            .expression_attribute_names("#epoch", EPOCH)
            .expression_attribute_values(":me", text(me))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        call = match from {
            None => call.condition_expression("attribute_not_exists(#holder) OR #holder = :me"),
            Some((holder, epoch)) => call
                .condition_expression("#holder = :from AND #epoch = :epoch")
                .expression_attribute_values(":from", text(holder))
                .expression_attribute_values(":epoch", number(epoch)),
        };
        match call.send().await {
            Ok(answer) => {
                let item = answer.attributes().cloned().unwrap_or_default();
                Ok(Claimed::Ours(Claim { epoch: count(&item, EPOCH), left: string(&item, REVISION) }))
            }
            Err(error) => {
                let held = match error.as_service_error() {
                    Some(
                        aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(
                            failed,
                        ),
                    ) => Some(failed.item().cloned().unwrap_or_default()),
                    _ => None,
                };
                match held {
                    Some(item) => Ok(Claimed::Held {
                        holder: string(&item, HOLDER).unwrap_or_default(),
                        epoch: count(&item, EPOCH),
                    }),
                    None => Err(self.error(&error)),
                }
            }
        }
    }

    /// Lets go of an application, and says which revision it stands at. Nothing happens where the claim is not ours any
    /// more.
    ///
    /// # Errors
    /// [`LeaseError`].
    pub async fn release(&self, app: &str, me: &str, epoch: u64, revision: Option<&str>) -> Result<(), LeaseError> {
        let mut call = self
            .client()
            .await?
            .update_item()
            .table_name(&self.table)
            .set_key(Some(self.key(&app_row(app))))
            .condition_expression("#holder = :me AND #epoch = :epoch")
            .expression_attribute_names("#holder", HOLDER)
            .expression_attribute_names("#epoch", EPOCH)
            .expression_attribute_values(":me", text(me))
            .expression_attribute_values(":epoch", number(epoch));
        call = match revision {
            Some(revision) => call
                .update_expression("SET #revision = :revision REMOVE #holder")
                .expression_attribute_names("#revision", REVISION)
                .expression_attribute_values(":revision", text(revision)),
            None => call.update_expression("REMOVE #holder"),
        };
        match call.send().await {
            Ok(_) => Ok(()),
            Err(error) if refused(&error) => Ok(()),
            Err(error) => Err(self.error(&error)),
        }
    }

    fn error<E>(&self, error: &SdkError<E, HttpResponse>) -> LeaseError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let failure = Failure::of("DynamoDB", error);
        if failure.credentials().is_some() {
            *self.last() = None;
        }
        let table = self.table.clone();
        match failure.code.as_str() {
            "ResourceNotFoundException" => LeaseError::NoTable(table),
            "ValidationException" => LeaseError::WrongKeys { table, detail: failure.message },
            _ => LeaseError::Other { table, detail: failure.sentence() },
        }
    }
}

fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.as_service_error().and_then(|error| error.code())
}

fn refused<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    code(error) == Some("ConditionalCheckFailedException")
}

fn attribute(name: &str) -> Option<AttributeDefinition> {
    AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build().ok()
}

fn key_element((name, kind): (&str, KeyType)) -> Option<KeySchemaElement> {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().ok()
}

fn replica_row(id: &str) -> String {
    format!("replica#{id}")
}

fn app_row(app: &str) -> String {
    format!("app#{app}")
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn string(item: &HashMap<String, AttributeValue>, name: &str) -> Option<String> {
    item.get(name)?.as_s().ok().cloned()
}

fn count(item: &HashMap<String, AttributeValue>, name: &str) -> u64 {
    item.get(name).and_then(|value| value.as_n().ok()).and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn replica_of(item: &HashMap<String, AttributeValue>) -> Option<Replica> {
    let id = string(item, ROW)?.strip_prefix("replica#")?.to_owned();
    let wants = item.get(WANTS).and_then(|value| value.as_l().ok());
    let wants = wants.map(|apps| apps.iter().filter_map(|app| app.as_s().ok().cloned()).collect::<BTreeSet<String>>());
    Some(Replica { id, beat: count(item, BEAT), wants })
}
