//! What stays by default: types that hold data.

/// Types whose loss would lose data: tables, buckets, databases, secrets and log groups. In native specs they are
/// retained unless the spec says `deletionPolicy: Delete`.
const HOLD_DATA: &[&str] = &[
    "AWS::Cassandra::Table",
    "AWS::DSQL::Cluster",
    "AWS::DocDB::DBCluster",
    "AWS::DocDB::DBInstance",
    "AWS::DocDBElastic::Cluster",
    "AWS::DynamoDB::GlobalTable",
    "AWS::DynamoDB::Table",
    "AWS::EFS::FileSystem",
    "AWS::Lightsail::Bucket",
    "AWS::Lightsail::Database",
    "AWS::Logs::LogGroup",
    "AWS::MemoryDB::Cluster",
    "AWS::Neptune::DBCluster",
    "AWS::Neptune::DBInstance",
    "AWS::NeptuneGraph::Graph",
    "AWS::OpenSearchService::Domain",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::RDS::GlobalCluster",
    "AWS::Redshift::Cluster",
    "AWS::RedshiftServerless::Namespace",
    "AWS::S3::Bucket",
    "AWS::S3Express::DirectoryBucket",
    "AWS::S3Tables::Table",
    "AWS::S3Tables::TableBucket",
    "AWS::SecretsManager::Secret",
    "AWS::Timestream::Database",
    "AWS::Timestream::InfluxDBInstance",
    "AWS::Timestream::Table",
];

/// Whether resources of this type hold data that cannot be made again.
pub fn holds_data(type_name: &str) -> bool {
    HOLD_DATA.binary_search(&type_name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_so_that_the_search_finds_every_type() {
        assert!(HOLD_DATA.is_sorted());
        assert!(holds_data("AWS::DynamoDB::Table") && holds_data("AWS::Logs::LogGroup"));
        assert!(!holds_data("AWS::SQS::Queue"));
    }
}
