import java.util.List;
import java.util.Map;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.AuthApi;
import org.openapitools.client.api.ItemsApi;
import org.openapitools.client.model.CreateItemBody;
import org.openapitools.client.model.ItemPage;
import org.openapitools.client.model.LoginBody;
import org.openapitools.client.model.Problem;
import org.openapitools.client.model.SparseItemPage;

/** Logs in, creates, conflicts and lists. */
public final class Client {
  public static void main(String[] arguments) throws Exception {
    ApiClient client = new ApiClient();
    client.updateBaseUri(arguments[0]);
    var tokens = new AuthApi(client).login(new LoginBody().email(arguments[1]).password(arguments[2]));
    client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + tokens.getAccessToken()));
    ItemsApi items = new ItemsApi(client);
    CreateItemBody body = new CreateItemBody().sku(arguments[3]).name("Chair").category("furniture");
    String created = items.createItem(body, null).getSku();
    String conflict = "";
    try {
      items.createItem(body, null);
    } catch (ApiException refused) {
      conflict = client.getObjectMapper().readValue(refused.getResponseBody(), Problem.class).getType().getValue();
    }
    Object listed = list(items, null, body.getSku(), null).getActualInstance();
    Object sparse = list(items, 1, null, "id,name").getActualInstance();
    var seen = Map.of(
        "created", created,
        "conflict", conflict,
        "listed", ((ItemPage) listed).getItems().stream().map(one -> one.getSku()).toList(),
        "sparse", ((SparseItemPage) sparse).getItems().stream()
            .flatMap(one -> one.getSku() == null && one.getName() != null && one.getId() != null ? List.of("id", "name").stream() : null)
            .toList());
    System.out.println(client.getObjectMapper().writeValueAsString(seen));
  }

  private static org.openapitools.client.model.ListItems200Response list(ItemsApi items, Integer limit, String q, String fields)
      throws ApiException {
    return items.listItems(limit, null, null, null, q, null, null, null, null, null, null, null, null, null, null, fields);
  }
}
